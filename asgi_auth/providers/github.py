"""GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from asgi_auth.providers.base import Params, Profile, Provider
from asgi_auth.providers.claims import Claims, read_flag, read_id, read_link, read_list, read_text

_EMAILS: Params = MappingProxyType({"emails": "https://api.github.com/user/emails?per_page=100"})


@dataclass(frozen=True, kw_only=True)
class GitHub(Provider):
    """Sign in with GitHub, an OAuth app or a GitHub App: OAuth 2.0 with PKCE, no OpenID Connect.

    Documented in GitHub Docs, "Authorizing OAuth apps", "REST API: users" and "REST API: emails": authorization
    ``github.com/login/oauth/authorize``, tokens ``github.com/login/oauth/access_token`` (a form unless JSON is asked
    for; errors with status 200), people ``api.github.com/user`` and, since the address there is the public one or
    null, ``api.github.com/user/emails``. The primary address of that list is taken, verified where the list says so.
    A GitHub App without the permission "Email addresses" gets no list: then the public address, not verified.

    Attributes:
        prompt: "select_account" lets people choose among their accounts.
    """

    id: str = "github"
    scopes: tuple[str, ...] = ("read:user", "user:email")
    authorization_url: str | None = "https://github.com/login/oauth/authorize"
    token_url: str | None = "https://github.com/login/oauth/access_token"  # noqa: S105 # a URL
    user_info_url: str | None = "https://api.github.com/user"
    more_claims: Params = field(default_factory=lambda: _EMAILS)
    prompt: str | None = None

    def option_params(self) -> Params:
        """``prompt``."""
        return {"prompt": self.prompt} if self.prompt else {}

    def read(self, claims: Claims) -> Profile:
        """The answer of ``/user``, with the list of ``/user/emails`` as ``emails``."""
        address = self._primary(claims)
        return Profile(
            id=read_id(claims, "id"),
            email=read_text(address, "email") or read_text(claims, "email"),
            is_email_verified=read_text(address, "email") is not None and read_flag(address, "verified"),
            name=read_text(claims, "name") or read_text(claims, "login") or "",
            image=read_link(claims, "avatar_url"),
            claims=claims,
        )

    def _primary(self, claims: Claims) -> Claims:
        addresses = read_list(claims, "emails")
        if not all(isinstance(address, Mapping) for address in addresses):
            raise ValueError("emails is no list of addresses")
        return next((address for address in addresses if read_flag(address, "primary")), {})
