"""The links in letters, as Better Auth writes them."""

from __future__ import annotations

from urllib.parse import quote

_KEPT = "!'()*"
"""What JavaScript's encodeURIComponent leaves alone beside what ``quote`` does."""


def component(text: str) -> str:
    """A text as part of a query, as JavaScript's ``encodeURIComponent`` writes it."""
    return quote(text, safe=_KEPT)


def token_link(endpoint: str, *, token: str, callback_url: str) -> str:
    """An endpoint's URL with the token and the page to go on to."""
    return f"{endpoint}?token={token}&callbackURL={component(callback_url)}"
