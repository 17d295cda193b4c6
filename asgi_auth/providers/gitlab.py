"""GitLab."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.providers.base import Profile, Provider
from asgi_auth.providers.claims import Claims, read_flag, read_id, read_link, read_text


@dataclass(frozen=True, kw_only=True)
class GitLab(Provider):
    """Sign in with GitLab, GitLab's own or yours: OAuth 2.0 with PKCE.

    Documented in GitLab Docs, "OAuth 2.0 identity provider API", "Users API" and "GitLab as OpenID Connect identity
    provider": ``<issuer>/oauth/authorize``, ``<issuer>/oauth/token`` and people at ``<issuer>/api/v4/user``, which does
    not say whether an address is verified: it counts as not verified. To hear of it, ask GitLab's OpenID Connect, whose
    ``email_verified`` is documented: ``scopes=("openid", "profile", "email")`` with
    ``user_info_url="https://gitlab.com/oauth/userinfo"`` (people keep their ids).

    Attributes:
        issuer: of an installation of your own ("https://git.example.com", with its path where it has one).
    """

    id: str = "gitlab"
    scopes: tuple[str, ...] = ("read_user",)
    issuer: str = "https://gitlab.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        issuer = self.issuer.rstrip("/")
        self._fill(
            authorization_url=f"{issuer}/oauth/authorize",
            token_url=f"{issuer}/oauth/token",
            user_info_url=f"{issuer}/api/v4/user",
        )

    def read(self, claims: Claims) -> Profile:
        """The answer of ``/api/v4/user``, or of ``/oauth/userinfo``."""
        return Profile(
            id=read_id(claims, "id" if "id" in claims else "sub"),
            email=read_text(claims, "email"),
            is_email_verified=read_flag(claims, "email_verified"),
            name=read_text(claims, "name") or read_text(claims, "username") or "",
            image=read_link(claims, "avatar_url") or read_link(claims, "picture"),
            claims=claims,
        )
