"""The answer of a token endpoint, read (RFC 6749, 5.1 and 5.2)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta

from asgi_auth.clock import Timestamp
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.tokens import Tokens

_LONGEST = timedelta(days=3650)
"""No lifetime is believed beyond; a moment must stay within what databases know."""

# RFC 6749, 5.2, and GitHub's. Any other word of theirs may hold what was sent.
_KNOWN_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "bad_verification_code",
        "incorrect_client_credentials",
        "redirect_uri_mismatch",
        "bad_refresh_token",
    }
)


def refusal(error: object) -> ProviderFailed:
    """What a provider's error becomes: its code if that is a known one, never its words."""
    known = error if isinstance(error, str) and error in _KNOWN_ERRORS else "an error of its own"
    return ProviderFailed(f"the provider refused: {known}")


def read_tokens(answer: Mapping[str, object], *, now: Timestamp) -> Tokens:
    """The tokens of an answer; raises ProviderFailed where there are none, or of a type that we cannot send."""
    tokens = Tokens(
        access_token=_text(answer, "access_token"),
        refresh_token=_text(answer, "refresh_token"),
        id_token=_text(answer, "id_token"),
        access_token_expires_at=_moment(answer.get("expires_in"), now),
        refresh_token_expires_at=_moment(answer.get("refresh_token_expires_in"), now),
        scopes=_scopes(answer.get("scope")),
        answer=answer,
    )
    if tokens.access_token is None and tokens.id_token is None:
        raise ProviderFailed("an answer without tokens")
    if str(answer.get("token_type") or "bearer").lower() != "bearer":
        raise ProviderFailed("tokens of a type that is not known")
    return tokens


def _text(answer: Mapping[str, object], name: str) -> str | None:
    value = answer.get(name)
    if value is not None and not isinstance(value, str):
        raise ProviderFailed(f"an answer whose {name} is no text")
    if value and "\0" in value:
        raise ProviderFailed(f"an answer whose {name} is no text that can be stored")
    return value or None


def _moment(seconds: object, now: Timestamp) -> Timestamp | None:
    """When something ends; None where the provider tells nothing that can be understood."""
    try:
        lifetime = float(seconds)  # type: ignore[arg-type]  # some send a number, some its digits
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(lifetime) or not 0 < lifetime <= _LONGEST.total_seconds():
        return None
    return now + timedelta(seconds=int(lifetime))


def _scopes(scope: object) -> tuple[str, ...]:
    """Separated by spaces, by commas (GitHub), or a list (Twitch); without what can be none (RFC 6749, 3.3)."""
    listed = re.split(r"[ ,]+", scope) if isinstance(scope, str) else scope
    if not isinstance(listed, list):
        return ()
    return tuple(each for each in listed if isinstance(each, str) and each and "\0" not in each)
