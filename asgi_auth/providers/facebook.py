"""Facebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asgi_auth.providers.base import Params, Profile, Provider
from asgi_auth.providers.claims import Claims, read_id, read_link, read_part, read_text


@dataclass(frozen=True, kw_only=True)
class Facebook(Provider):
    """Sign in with Facebook: OAuth 2.0, without PKCE; the Graph API describes the person.

    Documented in Meta for Developers, "Manually Build a Login Flow", "Graph API: User" and "OIDC Token for Limited
    Login": authorization ``www.facebook.com/<version>/dialog/oauth``, tokens
    ``graph.facebook.com/<version>/oauth/access_token``, people ``graph.facebook.com/<version>/me``, which tells the
    ``fields`` asked for, the picture as an object in an object.
    ID tokens of Limited Login (iOS) are taken; their keys are at ``limited.facebook.com``. Addresses are never
    verified: Facebook nowhere documents that they are.

    Attributes:
        version: of the Graph API; each is served for about two years.
        fields: what the Graph API is asked for.
        config_id: of Facebook Login for Business.
    """

    id: str = "facebook"
    scopes: tuple[str, ...] = ("email", "public_profile")
    jwks_url: str | None = "https://limited.facebook.com/.well-known/oauth/openid/jwks/"
    issuers: tuple[str, ...] = ("https://www.facebook.com", "https://limited.facebook.com")
    accepts_id_tokens: bool = True
    uses_pkce: bool = False
    version: str = "v24.0"
    fields: tuple[str, ...] = ("id", "name", "email", "picture")
    config_id: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        graph = f"https://graph.facebook.com/{self.version}"
        self._fill(
            authorization_url=f"https://www.facebook.com/{self.version}/dialog/oauth",
            token_url=f"{graph}/oauth/access_token",
            user_info_url=f"{graph}/me?fields={','.join(self.fields)}",
        )

    def option_params(self) -> Params:
        """``config_id``."""
        return {"config_id": self.config_id} if self.config_id else {}

    def read(self, claims: Claims) -> Profile:
        """The answer of ``/me``, or the claims of Limited Login's ID token; both have the same ids."""
        return Profile(
            id=read_id(claims, "id" if "id" in claims else "sub"),
            email=read_text(claims, "email"),
            name=read_text(claims, "name") or "",
            image=_picture(claims),
            claims=claims,
        )


def _picture(claims: Claims) -> str | None:
    if isinstance(claims.get("picture"), Mapping):
        return read_link(read_part(read_part(claims, "picture"), "data"), "url")
    return read_link(claims, "picture")
