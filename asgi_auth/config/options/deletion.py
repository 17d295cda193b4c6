"""Users who delete themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionOptions:
    """Users who delete themselves.

    Attributes:
        is_allowed: whether they may (default False).
        is_confirmed: a letter with a link has to be followed first; needs ``mail.sender`` (default False).
        lifetime: of that link (default 1 day).
    """

    is_allowed: bool = False
    is_confirmed: bool = False
    lifetime: timedelta = timedelta(days=1)

    def __post_init__(self) -> None:
        check_types(self, "deletion")
        require(self.lifetime >= timedelta(seconds=1), "deletion.lifetime: at least 1 second")
