"""What each provider answers, in the shapes that it documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey

from asgi_auth.providers import (
    Apple,
    Discord,
    Facebook,
    GitHub,
    GitLab,
    Google,
    LinkedIn,
    Microsoft,
    Provider,
    Slack,
    Spotify,
    Twitch,
    X,
)

CLIENT = {"client_id": "our-app", "client_secret": "our/secret+with=signs"}
TEAM_KEY = ECKey.generate_key("P-256")
"""The private key that our team got from Apple."""

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
OTHER_TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A provider, what it answers, and the person that this describes.

    ``person`` is the user info, or the ID token's claims where ``issuer`` is given; ``more`` are the answers of further
    URLs by their names; ``refusal`` is what a code is answered with that is not taken, (status, body); ``expected`` is
    (id, address, whether it is verified, name, picture).
    """

    provider: Provider
    person: Mapping[str, Any]
    expected: tuple[str, str | None, bool, str, str | None]
    issuer: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    token: Mapping[str, Any] = field(default_factory=lambda: {"token_type": "Bearer", "expires_in": 3600})
    refusal: tuple[int, Mapping[str, Any]] = (400, {"error": "invalid_grant"})


SHAPES = [
    Shape(
        provider=Google(**CLIENT),
        issuer="https://accounts.google.com",
        person={
            "sub": "110169484474386276334",
            "hd": "example.com",
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
            "picture": "https://lh3.googleusercontent.com/a/ada=s96-c",
        },
        token={
            "token_type": "Bearer",
            "expires_in": 3599,
            "scope": "openid https://www.googleapis.com/auth/userinfo.email",
        },
        expected=(
            "110169484474386276334",
            "ada@example.com",
            True,
            "Ada Lovelace",
            "https://lh3.googleusercontent.com/a/ada=s96-c",
        ),
    ),
    Shape(
        provider=GitHub(**CLIENT),
        person={
            "login": "octocat",
            "id": 583231,
            "avatar_url": "https://avatars.githubusercontent.com/u/583231",
            "name": "The Octocat",
            "email": None,
        },
        more={
            "emails": [
                {"email": "old@example.com", "primary": False, "verified": True, "visibility": None},
                {"email": "octocat@example.com", "primary": True, "verified": True, "visibility": "private"},
            ]
        },
        token={"scope": "read:user,user:email", "token_type": "bearer"},
        refusal=(200, {"error": "bad_verification_code", "error_description": "The code is incorrect or expired."}),
        expected=(
            "583231",
            "octocat@example.com",
            True,
            "The Octocat",
            "https://avatars.githubusercontent.com/u/583231",
        ),
    ),
    Shape(
        provider=Microsoft(**CLIENT),
        issuer=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0",
        person={
            "ver": "2.0",
            "tid": OTHER_TENANT,
            "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            "preferred_username": "ada@example.com",
            "email": "ada@example.com",
            "name": "Ada Lovelace",
        },
        token={"token_type": "Bearer", "scope": "openid profile email User.Read", "expires_in": 3736},
        refusal=(400, {"error": "invalid_grant", "error_description": "AADSTS54005", "error_codes": [54005]}),
        expected=("HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "ada@example.com", False, "Ada Lovelace", None),
    ),
    Shape(
        provider=Apple(
            client_id="our-app",
            team_id="TEAM123456",
            key_id="KEY1234567",
            private_key=TEAM_KEY.as_pem(private=True).decode(),
        ),
        issuer="https://appleid.apple.com",
        person={
            "sub": "000792.d71059495fa24644b94e4a644e2e3b4a.0638",
            "email": "x7k2@privaterelay.appleid.com",
            "email_verified": "true",
            "is_private_email": "true",
            "nonce_supported": True,
        },
        expected=("000792.d71059495fa24644b94e4a644e2e3b4a.0638", "x7k2@privaterelay.appleid.com", True, "", None),
    ),
    Shape(
        provider=Discord(**CLIENT),
        person={
            "id": "80351110224678912",
            "username": "nelly",
            "discriminator": "0",
            "global_name": "Nelly",
            "avatar": "8342729096ea3675442027381ff50dfe",
            "verified": True,
            "email": "nelly@example.com",
        },
        token={"token_type": "Bearer", "expires_in": 604800, "scope": "identify email"},
        expected=(
            "80351110224678912",
            "nelly@example.com",
            True,
            "Nelly",
            "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png",
        ),
    ),
    Shape(
        provider=GitLab(**CLIENT),
        person={
            "id": 1001,
            "username": "jdoe",
            "name": "Jane Doe",
            "state": "active",
            "locked": False,
            "avatar_url": "https://gitlab.example.com/uploads/-/system/user/avatar/1001/avatar.png",
            "email": "jdoe@example.com",
            "confirmed_at": "2024-11-02T09:21:10.000Z",
        },
        token={"token_type": "bearer", "expires_in": 7200, "created_at": 1607635748},
        expected=(
            "1001",
            "jdoe@example.com",
            False,
            "Jane Doe",
            "https://gitlab.example.com/uploads/-/system/user/avatar/1001/avatar.png",
        ),
    ),
    Shape(
        provider=LinkedIn(**CLIENT),
        person={
            "sub": "782bbtaQ",
            "name": "John Doe",
            "picture": "https://media.licdn-ei.com/dms/image/C5F03AQHqK8v7tB1HCQ/profile-displayphoto-shrink_100_100/0/",
            "locale": {"country": "US", "language": "en"},
            "email": "doe@example.com",
            "email_verified": True,
        },
        token={"token_type": "Bearer", "expires_in": 5183999, "scope": "email,openid,profile"},
        expected=(
            "782bbtaQ",
            "doe@example.com",
            True,
            "John Doe",
            "https://media.licdn-ei.com/dms/image/C5F03AQHqK8v7tB1HCQ/profile-displayphoto-shrink_100_100/0/",
        ),
    ),
    Shape(
        provider=Slack(**CLIENT),
        person={
            "ok": True,
            "sub": "U0R7JM",
            "https://slack.com/user_id": "U0R7JM",
            "https://slack.com/team_id": "T0R7GR",
            "email": "krane@example.com",
            "email_verified": True,
            "date_email_verified": 1622128723,
            "name": "krane",
            "picture": "https://secure.gravatar.com/krane.png",
            "https://slack.com/user_image_512": "https://secure.gravatar.com/krane-512.png",
        },
        token={"ok": True, "token_type": "Bearer"},
        refusal=(200, {"ok": False, "error": "invalid_code"}),
        expected=("U0R7JM", "krane@example.com", True, "krane", "https://secure.gravatar.com/krane.png"),
    ),
    Shape(
        provider=Spotify(**CLIENT),
        person={
            "display_name": "JM Wizzler",
            "email": "email@example.com",
            "external_urls": {"spotify": "https://open.spotify.com/user/wizzler"},
            "id": "wizzler",
            "images": [{"url": "https://i.scdn.co/image/ab67", "height": 300, "width": 300}],
            "type": "user",
        },
        token={"token_type": "Bearer", "scope": "user-read-email", "expires_in": 3600},
        expected=("wizzler", "email@example.com", False, "JM Wizzler", "https://i.scdn.co/image/ab67"),
    ),
    Shape(
        provider=Facebook(**CLIENT),
        person={
            "id": "10160001234567890",
            "name": "Jane Doe",
            "email": "jane@example.com",
            "picture": {
                "data": {
                    "height": 50,
                    "width": 50,
                    "is_silhouette": False,
                    "url": "https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=1",
                }
            },
        },
        token={"token_type": "bearer", "expires_in": 5183944},
        refusal=(
            400,
            {"error": {"message": "This authorization code has been used.", "type": "OAuthException", "code": 100}},
        ),
        expected=(
            "10160001234567890",
            "jane@example.com",
            False,
            "Jane Doe",
            "https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=1",
        ),
    ),
    Shape(
        provider=Twitch(**CLIENT),
        issuer="https://id.twitch.tv/oauth2",
        person={
            "sub": "713936733",
            "email": "scotty@example.com",
            "email_verified": True,
            "picture": "https://static-cdn.jtvnw.net/user-default-pictures-uv/profile_image-300x300.png",
            "preferred_username": "scottwilliams23",
        },
        token={"token_type": "bearer", "expires_in": 14198, "scope": ["openid", "user:read:email"]},
        refusal=(400, {"status": 400, "message": "Invalid authorization code"}),
        expected=(
            "713936733",
            "scotty@example.com",
            True,
            "scottwilliams23",
            "https://static-cdn.jtvnw.net/user-default-pictures-uv/profile_image-300x300.png",
        ),
    ),
    Shape(
        provider=X(**CLIENT),
        person={
            "data": {
                "id": "2244994945",
                "name": "X Dev",
                "username": "XDevelopers",
                "profile_image_url": "https://pbs.twimg.com/profile_images/1683501992314798080/xdev_normal.jpg",
                "confirmed_email": "dev@example.com",
            }
        },
        token={"token_type": "bearer", "expires_in": 7200, "scope": "users.read tweet.read users.email offline.access"},
        refusal=(400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}),
        expected=(
            "2244994945",
            "dev@example.com",
            True,
            "X Dev",
            "https://pbs.twimg.com/profile_images/1683501992314798080/xdev_normal.jpg",
        ),
    ),
]


def shape_of(provider_id: str) -> Shape:
    """The shape of the provider with this id."""
    return next(shape for shape in SHAPES if shape.provider.id == provider_id)
