"""LinkedIn."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.providers.base import Provider


@dataclass(frozen=True, kw_only=True)
class LinkedIn(Provider):
    """Sign in with LinkedIn using OpenID Connect, without PKCE; its user-info endpoint describes the person.

    Documented in Microsoft Learn, "Sign In with LinkedIn using OpenID Connect": authorization
    ``www.linkedin.com/oauth/v2/authorization``, tokens ``www.linkedin.com/oauth/v2/accessToken``, people
    ``api.linkedin.com/v2/userinfo``, with the standard claims. An address is verified where ``email_verified`` is true,
    documented as telling whether the member's primary address has been verified.
    """

    id: str = "linkedin"
    scopes: tuple[str, ...] = ("profile", "email", "openid")
    authorization_url: str | None = "https://www.linkedin.com/oauth/v2/authorization"
    token_url: str | None = "https://www.linkedin.com/oauth/v2/accessToken"  # noqa: S105 # a URL
    user_info_url: str | None = "https://api.linkedin.com/v2/userinfo"
    uses_pkce: bool = False
