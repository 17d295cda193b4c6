"""The description of the endpoints for people and programs."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.config.options.checks import check_types


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiOptions:
    """The description of the endpoints: ``/open-api/generate-schema`` and the page ``/reference``.

    Attributes:
        is_enabled: whether they are served (default None: everywhere but in production).
    """

    is_enabled: bool | None = None

    def __post_init__(self) -> None:
        check_types(self, "openapi")
