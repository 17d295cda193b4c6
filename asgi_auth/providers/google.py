"""Google."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from asgi_auth.providers.base import Params, Profile, Provider
from asgi_auth.providers.claims import Claims


@dataclass(frozen=True, kw_only=True)
class Google(Provider):
    """Sign in with Google: OpenID Connect with PKCE; the ID token describes the person.

    Documented in Google Identity, "OpenID Connect": authorization ``accounts.google.com/o/oauth2/v2/auth``, tokens
    ``oauth2.googleapis.com/token``, keys ``www.googleapis.com/oauth2/v3/certs``. ``iss`` comes with and without
    ``https://``. An address is verified where ``email_verified`` is true, as Google documents that claim; for
    addresses that are neither Gmail's nor a Workspace's (``hd``) Google saw it once, when the account was made.

    Attributes:
        access_type: "offline" asks for a refresh token.
        prompt: "none", or "consent" and "select_account", one or both with a space between.
        hd: a Workspace's domain, or "*" for any: only its people are let in, by the ID token's ``hd``.
    """

    id: str = "google"
    scopes: tuple[str, ...] = ("email", "profile", "openid")
    authorization_url: str | None = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str | None = "https://oauth2.googleapis.com/token"  # noqa: S105 # a URL
    jwks_url: str | None = "https://www.googleapis.com/oauth2/v3/certs"
    issuers: tuple[str, ...] = ("https://accounts.google.com", "accounts.google.com")
    accepts_id_tokens: bool = True
    access_type: Literal["offline", "online"] | None = None
    prompt: str | None = None
    hd: str | None = None

    fixed_params: ClassVar[Params] = {"include_granted_scopes": "true"}

    def option_params(self) -> Params:
        """``prompt``, ``hd`` and ``access_type``."""
        params = {"prompt": self.prompt, "hd": self.hd, "access_type": self.access_type}
        return {name: value for name, value in params.items() if value}

    def read(self, claims: Claims) -> Profile:
        """Refuse whoever is not of the Workspace asked for: the parameter alone is a wish that anybody can strike."""
        domain = claims.get("hd")
        if self.hd and not (domain == self.hd or (self.hd == "*" and domain)):
            raise ValueError("not an account of the Workspace asked for")
        return super().read(claims)
