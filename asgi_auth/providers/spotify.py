"""Spotify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asgi_auth.providers.base import ClientAuthentication, Profile, Provider
from asgi_auth.providers.claims import Claims, read_id, read_link, read_list, read_text


@dataclass(frozen=True, kw_only=True)
class Spotify(Provider):
    """Sign in with Spotify: OAuth 2.0 with PKCE, no OpenID Connect.

    Documented in Spotify for Developers, "Authorization Code Flow" and "Get Current User's Profile": authorization
    ``accounts.spotify.com/authorize``, tokens ``accounts.spotify.com/api/token`` with basic authentication, people
    ``api.spotify.com/v1/me``. Addresses are never verified: Spotify documents that there is no proof of them.
    Accounts are kept by ``id``, as Better Auth does; Spotify's newer ``account_id`` is among the profile's claims.
    """

    id: str = "spotify"
    scopes: tuple[str, ...] = ("user-read-email",)
    authorization_url: str | None = "https://accounts.spotify.com/authorize"
    token_url: str | None = "https://accounts.spotify.com/api/token"  # noqa: S105 # a URL
    user_info_url: str | None = "https://api.spotify.com/v1/me"
    client_authentication: ClientAuthentication = "client_secret_basic"
    takes_login_hint: bool = False

    def read(self, claims: Claims) -> Profile:
        """The answer of ``/v1/me``."""
        pictures = read_list(claims, "images")
        first = pictures[0] if pictures else {}
        if not isinstance(first, Mapping):
            raise ValueError("images is no list of pictures")  # noqa: TRY004 # as providers.claims
        return Profile(
            id=read_id(claims, "id"),
            email=read_text(claims, "email"),
            name=read_text(claims, "display_name") or "",
            image=read_link(first, "url"),
            claims=claims,
        )
