"""The API key as what identifies a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from asgi_auth.asgi.types import ASGIApp
from asgi_auth.features.api_key.source import ApiKeySource
from asgi_auth.middleware import CredentialMiddleware
from asgi_auth.middleware.base import OnFault
from asgi_auth.services.registry import Services


class ApiKeyMiddleware(CredentialMiddleware):
    """Identifies by API key, in a header of its own.

    Around one application there may be several, ``auth.wrap`` included: a key has to be accepted by all that look at
    its header, and its use is counted once.

    Args:
        app: the application behind it.
        services: ``auth.services``, with the feature ApiKeys.
        headers: the names of the headers that may hold it (default: as configured, "x-api-key").
        required: answer 401 without an API key (default False).
        on_fault: "refuse" (default) or "pass", see CredentialMiddleware.
        exempt: paths that are let through unlooked at.
        required_permissions: a key without all of them is refused (401 KEY_NOT_FOUND, Better Auth's contract).
        config_id: keys of another configuration are refused (default: any is accepted).
    """

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        *,
        headers: Sequence[str] | None = None,
        required: bool = False,
        on_fault: OnFault = "refuse",
        exempt: Iterable[str] = (),
        required_permissions: Mapping[str, Sequence[str]] | None = None,
        config_id: str | None = None,
    ) -> None:
        source = ApiKeySource(services, headers=headers, required_permissions=required_permissions, config_id=config_id)
        super().__init__(app, services, sources=[source], required=required, on_fault=on_fault, exempt=exempt)
