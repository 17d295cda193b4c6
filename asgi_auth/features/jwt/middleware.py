"""Identification by JWT."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asgi_auth.asgi.types import ASGIApp
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.source import JWTSource
from asgi_auth.middleware import CredentialMiddleware
from asgi_auth.middleware.base import OnFault
from asgi_auth.services.registry import Services


class JWTMiddleware(CredentialMiddleware):
    """Identifies by ``Authorization: Bearer <JWT>``: our own where the feature Jwt is installed, and other issuers'.

    With ``issuers`` alone it needs no feature and no table, and asks no database: so a service stands beside a Better
    Auth server, or any other issuer, and takes its tokens.

    A token that was verified is known until it ends, its keys are withdrawn, or (with ``check_session``) its session
    or user changes; then it costs a look.

    ``auth.user`` of our tokens is what the token tells of its user, as it was when it was issued; with
    ``check_session`` it is the user as it is now, and ``auth.session`` is the session, without its token. Of other
    issuers' tokens there is neither: ``auth.subject`` is ``sub``, and ``auth.claims`` all that they say.

    Around one application there may be several, ``auth.wrap`` included, each with what it remembers for itself. A token
    has to be accepted by all that look at its header: what one has refused no other accepts, and what one has accepted
    another with other settings judges again, each time. ``auth`` is then what the innermost one says.

    Args:
        app: the application behind it.
        services: ``auth.services``.
        issuers: whose tokens are taken beside ours (default None: as ``JwtOptions.issuers``, without the feature none).
        check_session: our tokens count only while the session that their ``sid`` names does, which has to be their
            subject's: revoked it is refused, here at once and elsewhere as soon as the feeds of changes tell. It costs
            a read where the session is not known, and extends no session. Tokens without ``sid`` are refused. Those of
            other issuers have no session (default None: as ``JwtOptions.check_session``).
        header: another header than Authorization; its value has the same form.
        required: answer 401 without a JWT (default False).
        on_fault: "refuse" (default) or "pass", see CredentialMiddleware.
        exempt: paths that are let through unlooked at.

    Raises ConfigurationError where there is nobody whose tokens could be taken, an issuer is there twice, or one of the
    options is about our own tokens and there are none of that kind.
    """

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        *,
        issuers: Sequence[Issuer] | None = None,
        check_session: bool | None = None,
        header: str = "authorization",
        required: bool = False,
        on_fault: OnFault = "refuse",
        exempt: Iterable[str] = (),
    ) -> None:
        source = JWTSource(services, issuers=issuers, check_session=check_session, header=header)
        super().__init__(app, services, sources=[source], required=required, on_fault=on_fault, exempt=exempt)
