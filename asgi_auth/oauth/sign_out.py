"""The URL that people are sent to a provider with to sign out there (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from dataclasses import dataclass, field

from asgi_auth.oauth.endpoints import with_params
from asgi_auth.providers import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutRequest:
    """What one person is sent to a provider with to sign out.

    Attributes:
        id_token: says whose session it is; one that has expired does so too (RP-Initiated Logout 1.0, 2).
        redirect_uri: where the provider sends people then (default: ``Provider.sign_out_redirect_uri``).
        state: comes back with them.
    """

    id_token: str | None = field(default=None, repr=False)
    redirect_uri: str | None = None
    state: str | None = None


def build_sign_out_url(provider: Provider, endpoint: str, request: SignOutRequest) -> str:
    """The URL, its parameters in the order of the Better Auth contract; a query that it has already is kept.

    ``client_id`` goes along where the ID token does not say enough: without one, and where people are to come back.
    Raises ProviderFailed.
    """
    return with_params(endpoint, _params(provider, request), what="end-session endpoint")


def _params(provider: Provider, request: SignOutRequest) -> dict[str, str]:
    redirect_uri = request.redirect_uri or provider.sign_out_redirect_uri
    params = {
        "id_token_hint": request.id_token,
        "post_logout_redirect_uri": redirect_uri,
        "client_id": provider.client_id if redirect_uri or not request.id_token else None,
        "state": request.state if redirect_uri else None,
    }
    return {name: value for name, value in params.items() if value}
