"""Discord."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from asgi_auth.providers.base import Params, Profile, Provider
from asgi_auth.providers.claims import Claims, read_flag, read_id, read_text

CDN = "https://cdn.discordapp.com"


@dataclass(frozen=True, kw_only=True)
class Discord(Provider):
    """Sign in with Discord: OAuth 2.0, no OpenID Connect.

    Documented in Discord's developer documentation, "OAuth2", "User" and "Image Formatting": authorization
    ``discord.com/api/oauth2/authorize``, tokens ``discord.com/api/oauth2/token``, people ``discord.com/api/users/@me``.
    An address is verified where ``verified`` is true, "whether the email on this account has been verified".
    Pictures are hashes from which a URL is built; who has none gets one of Discord's own.

    Attributes:
        prompt: "none" (default) passes by whoever has agreed before; "consent" asks each time.
        permissions: of a bot that is added with the scope ``bot``.
    """

    id: str = "discord"
    scopes: tuple[str, ...] = ("identify", "email")
    authorization_url: str | None = "https://discord.com/api/oauth2/authorize"
    token_url: str | None = "https://discord.com/api/oauth2/token"  # noqa: S105 # a URL
    user_info_url: str | None = "https://discord.com/api/users/@me"
    uses_pkce: bool = False
    takes_login_hint: bool = False
    prompt: Literal["none", "consent"] = "none"
    permissions: int | None = None

    def requested_scopes(self, more: Sequence[str] = ()) -> tuple[str, ...]:
        """What is asked for: what a request adds stands before ``more_scopes`` (Better Auth contract)."""
        return (*self.scopes, *more, *self.more_scopes)

    def option_params(self) -> Params:
        """``prompt`` and ``permissions``."""
        params = {"prompt": self.prompt}
        return params if self.permissions is None else {**params, "permissions": str(self.permissions)}

    def read(self, claims: Claims) -> Profile:
        """The answer of ``/users/@me``."""
        return Profile(
            id=read_id(claims, "id"),
            email=read_text(claims, "email"),
            is_email_verified=read_flag(claims, "verified"),
            name=read_text(claims, "global_name") or read_text(claims, "username") or "",
            image=_picture(claims),
            claims=claims,
        )


def _picture(claims: Claims) -> str:
    """An animated picture's hash begins with ``a_``; older names (``name#1234``) choose the default one otherwise."""
    number = int(read_id(claims, "id"))
    picture = read_text(claims, "avatar")
    if picture is not None and re.fullmatch(r"\w+", picture, re.ASCII):
        return f"{CDN}/avatars/{number}/{picture}.{'gif' if picture.startswith('a_') else 'png'}"
    discriminator = int(read_text(claims, "discriminator") or "0")
    default = (number >> 22) % 6 if discriminator == 0 else discriminator % 5
    return f"{CDN}/embed/avatars/{default}.png"
