"""Any other server that speaks OpenID Connect or OAuth 2.0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asgi_auth.errors import ConfigurationError
from asgi_auth.providers.base import Profile, Provider
from asgi_auth.providers.claims import Claims, read_id


@dataclass(frozen=True, kw_only=True)
class GenericOAuth(Provider):
    """A provider by its URLs, or by its discovery document alone.

    A server of OpenID Connect needs ``discovery_url`` (``https://login.example/.well-known/openid-configuration``), or
    ``jwks_url`` and ``issuers`` beside the other URLs: then the scope ``openid`` and a nonce are always sent, ID tokens
    are taken, and ``sub`` tells who it is. One of OAuth 2.0 alone needs ``authorization_url``, ``token_url`` and
    ``user_info_url``, or RFC 8414's document that tells them; there ``id`` tells who it is, or else ``sub``, and ID
    tokens are passed over. The other claims are OpenID Connect's (``map_profile`` changes that). Whoever signs out here
    is sent to sign out there where it has an ``end_session_endpoint``; ``signs_out=False`` leaves it at here. All of it
    as Better Auth's generic OAuth has it.

    Raises ConfigurationError where neither way is complete.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.discovery_url is None:
            self._require_urls()
        if self.is_openid:
            scopes = self.scopes if "openid" in self.scopes else ("openid", *self.scopes)
            self._set(scopes=scopes, uses_nonce=True, accepts_id_tokens=True)

    def _require_urls(self) -> None:
        if self.authorization_url is None or self.token_url is None:
            raise ConfigurationError(f"{self.id}: discovery_url is missing, or authorization_url and token_url")
        if self.user_info_url is None and self.jwks_url is None:
            raise ConfigurationError(f"{self.id}: user_info_url is missing, or jwks_url for its ID tokens")
        if self.jwks_url is not None and not self.issuers:
            raise ConfigurationError(f"{self.id}: issuers is missing, for the ID tokens of jwks_url")

    @property
    def is_openid(self) -> bool:
        """Whether it speaks OpenID Connect; RFC 8414's document alone does not say so."""
        return self.jwks_url is not None or (self.discovery_url or "").endswith("/openid-configuration")

    @property
    def has_id_tokens(self) -> bool:
        """With OAuth 2.0 alone none counts: ``sub`` could be somebody else's ``id``."""
        return self.is_openid

    def requested_scopes(self, more: Sequence[str] = ()) -> tuple[str, ...]:
        """What is asked for: what a request adds first (Better Auth contract)."""
        return (*more, *self.scopes, *self.more_scopes)

    def read(self, claims: Claims) -> Profile:
        """OpenID Connect's standard claims, with the right one for the id.

        All that the provider said gets the names of a user's record too (Better Auth contract, account-info).
        """
        name = "sub" if self.is_openid or claims.get("id") is None else "id"
        profile = super().read({**claims, "sub": read_id(claims, name)})
        told = {"id": claims[name], **claims, "emailVerified": profile.is_email_verified}
        if "picture" in claims:
            told["image"] = claims["picture"]
        return replace(profile, claims=told)
