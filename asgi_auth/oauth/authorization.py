"""The URL that people are sent to a provider with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from asgi_auth.oauth.endpoints import with_params
from asgi_auth.providers import Provider

RESERVED_PARAMS = frozenset(
    {
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "response_type",
        "scope",
        "state",
    }
)
"""What no further parameter may be: on these the safety of the flow rests (``request`` stands for all, RFC 9101)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What one person is sent to a provider with (RFC 6749, 4.1.1).

    Attributes:
        state: comes back with the answer.
        redirect_uri: where the answer goes.
        code_verifier: PKCE's secret (RFC 7636); only its hash travels.
        scopes: asked for beside the provider's own.
        login_hint: an address the provider may fill in.
        nonce: comes back in the ID token.
        params: further parameters of the URL; those of ``RESERVED_PARAMS`` are left out.
    """

    state: str = field(repr=False)
    redirect_uri: str
    code_verifier: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    login_hint: str | None = None
    nonce: str | None = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)


def build_authorization_url(provider: Provider, endpoint: str, request: AuthorizationRequest) -> str:
    """The URL, its parameters in the order of the Better Auth contract; a query that it has already is kept."""
    further = {**provider.authorization_params, **request.params}
    params = _params(provider, request)
    params |= {name: value for name, value in further.items() if name not in RESERVED_PARAMS}
    return with_params(endpoint, params, what="authorization endpoint")


def _params(provider: Provider, request: AuthorizationRequest) -> dict[str, str]:
    verifier = request.code_verifier if provider.uses_pkce else None
    params: dict[str, str | None] = {
        "response_type": provider.response_type,
        "client_id": provider.client_id,
        "state": request.state,
        "scope": provider.scope_separator.join(provider.requested_scopes(request.scopes)),
        "redirect_uri": request.redirect_uri,
        "login_hint": request.login_hint if provider.takes_login_hint else None,
        "nonce": request.nonce,
        **provider.option_params(),
        "response_mode": provider.response_mode,
        "code_challenge_method": verifier and "S256",
        "code_challenge": verifier and str(create_s256_code_challenge(verifier)),
    }
    return {name: value for name, value in params.items() if value}
