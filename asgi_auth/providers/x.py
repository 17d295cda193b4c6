"""X, formerly Twitter."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.providers.base import ClientAuthentication, Profile, Provider
from asgi_auth.providers.claims import Claims, read_id, read_link, read_part, read_text


@dataclass(frozen=True, kw_only=True)
class X(Provider):
    """Sign in with X: OAuth 2.0 with PKCE, no OpenID Connect. Its id is "twitter", as Better Auth calls it.

    Documented in X's developer documentation, "OAuth 2.0 Authorization Code Flow with PKCE" and "Get my User":
    authorization ``x.com/i/oauth2/authorize``, tokens ``api.x.com/2/oauth2/token`` with basic authentication, people
    ``api.x.com/2/users/me``, inside ``data``. The only address is ``confirmed_email``, for apps that may ask for it; it
    is verified, since X gives no other ("GET account/verify_credentials": null if the address is not verified).
    Without it people have no address.
    """

    id: str = "twitter"
    scopes: tuple[str, ...] = ("users.read", "tweet.read", "offline.access", "users.email")
    authorization_url: str | None = "https://x.com/i/oauth2/authorize"
    token_url: str | None = "https://api.x.com/2/oauth2/token"  # noqa: S105 # a URL
    user_info_url: str | None = "https://api.x.com/2/users/me?user.fields=profile_image_url,confirmed_email"
    client_authentication: ClientAuthentication = "client_secret_basic"
    takes_login_hint: bool = False

    def read(self, claims: Claims) -> Profile:
        """The answer of ``/2/users/me``."""
        person = read_part(claims, "data")
        email = read_text(person, "confirmed_email")
        return Profile(
            id=read_id(person, "id"),
            email=email,
            is_email_verified=email is not None,
            name=read_text(person, "name") or read_text(person, "username") or "",
            image=read_link(person, "profile_image_url"),
            claims=claims,
        )
