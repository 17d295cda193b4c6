"""Apple."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from asgi_auth.clock import Timestamp
from asgi_auth.errors import ConfigurationError
from asgi_auth.providers.base import Provider
from asgi_auth.providers.claims import Claims, read_part, read_text

AUDIENCE = "https://appleid.apple.com"

SECRET_LIFETIME = timedelta(hours=1)
"""Apple takes up to six months; a short one is worth little to whoever finds it."""

RENEWED_BEFORE = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Apple(Provider):
    """Sign in with Apple: OpenID Connect with PKCE; the ID token describes the person.

    Documented in Apple Developer Documentation, "Sign in with Apple REST API": authorization
    ``appleid.apple.com/auth/authorize``, tokens ``.../auth/token``, keys ``.../auth/keys``. The answer is posted
    (``form_post``, needed for the scopes), with the name beside it in ``user``, at the first sign-in only and unsigned.
    Where cookies of yours are ``SameSite=None``, that post brings them along: then ``https://appleid.apple.com`` has to
    be among ``trusted_origins``. ``email_verified`` comes as a boolean or as text; Apple verifies each address, its
    relay's as well.

    The client secret is a JWT that is signed with the team's key (ES256): give ``team_id``, ``key_id`` and
    ``private_key``, and one is made when it is needed; or give a ``client_secret`` that you renew yourself.

    Attributes:
        client_id: the Services ID. The bundle ids of your apps go into ``more_client_ids``.
        team_id: ten characters from the membership page.
        key_id: of the private key.
        private_key: the ``.p8`` file's text (PEM).
    """

    id: str = "apple"
    scopes: tuple[str, ...] = ("email", "name")
    authorization_url: str | None = "https://appleid.apple.com/auth/authorize"
    token_url: str | None = "https://appleid.apple.com/auth/token"  # noqa: S105 # a URL
    jwks_url: str | None = "https://appleid.apple.com/auth/keys"
    issuers: tuple[str, ...] = (AUDIENCE,)
    accepts_id_tokens: bool = True
    response_type: str = "code id_token"
    response_mode: Literal["form_post"] | None = "form_post"
    takes_login_hint: bool = False
    team_id: str | None = None
    key_id: str | None = None
    private_key: str | None = field(default=None, repr=False)

    _key: ECKey | None = field(default=None, init=False, repr=False, compare=False)
    _made: tuple[Timestamp, str] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.private_key is None:
            return
        if not (self.team_id and self.key_id):
            raise ConfigurationError("apple: private_key needs team_id and key_id")
        self._set(_key=_signing_key(self.private_key))

    def current_secret(self, now: Timestamp) -> str | None:
        """A JWT that says who we are; the same one until shortly before it expires."""
        if self._key is None:
            return self.client_secret
        made = self._made
        if made is None or not made[0] <= now < made[0] + SECRET_LIFETIME - RENEWED_BEFORE:
            made = (now, self._make_secret(self._key, now))
            self._set(_made=made)
        return made[1]

    def with_given(self, claims: Claims, given: Claims) -> Claims:
        """The name, and nothing else: people may call themselves what they like, but not have any address."""
        try:
            name = read_part(given, "name")
            parts = (read_text(name, "firstName"), read_text(name, "lastName"))
        except ValueError:
            return claims
        full_name = " ".join(part for part in parts if part)
        return {**claims, "name": full_name} if full_name else claims

    def _make_secret(self, key: ECKey, now: Timestamp) -> str:
        issued_at = int(now.timestamp())
        claims = {
            "iss": self.team_id,
            "iat": issued_at,
            "exp": issued_at + int(SECRET_LIFETIME.total_seconds()),
            "aud": AUDIENCE,
            "sub": self.client_id,
        }
        return jwt.encode({"alg": "ES256", "kid": self.key_id}, claims, key)


def _signing_key(pem: str) -> ECKey:
    try:
        key = ECKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        key = None
    if key is None or not key.is_private or key.curve_name != "P-256":
        raise ConfigurationError("apple: private_key is not the PEM of a private key on P-256") from None
    return key
