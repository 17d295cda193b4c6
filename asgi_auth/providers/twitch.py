"""Twitch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from asgi_auth.providers.base import Params, Profile, Provider
from asgi_auth.providers.claims import Claims, read_flag, read_id, read_link, read_text


@dataclass(frozen=True, kw_only=True)
class Twitch(Provider):
    """Sign in with Twitch: OpenID Connect, without PKCE; the ID token describes the person.

    Documented in Twitch Developers, "Using OIDC to get OAuth Access Tokens": authorization
    ``id.twitch.tv/oauth2/authorize``, tokens ``id.twitch.tv/oauth2/token`` (``scope`` comes as a list), keys
    ``id.twitch.tv/oauth2/keys``. The ID token holds what the parameter ``claims`` asks for. An address is verified
    where ``email_verified`` is true, as Twitch documents that claim.
    """

    id: str = "twitch"
    scopes: tuple[str, ...] = ("user:read:email", "openid")
    authorization_url: str | None = "https://id.twitch.tv/oauth2/authorize"
    token_url: str | None = "https://id.twitch.tv/oauth2/token"  # noqa: S105 # a URL
    jwks_url: str | None = "https://id.twitch.tv/oauth2/keys"
    issuers: tuple[str, ...] = ("https://id.twitch.tv/oauth2",)
    uses_pkce: bool = False
    takes_login_hint: bool = False

    fixed_params: ClassVar[Params] = {
        "claims": '{"id_token":{"email":null,"email_verified":null,"preferred_username":null,"picture":null}}'
    }

    def read(self, claims: Claims) -> Profile:
        """The ID token's claims."""
        return Profile(
            id=read_id(claims, "sub"),
            email=read_text(claims, "email"),
            is_email_verified=read_flag(claims, "email_verified"),
            name=read_text(claims, "preferred_username") or "",
            image=read_link(claims, "picture"),
            claims=claims,
        )
