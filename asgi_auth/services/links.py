"""The links in letters, as Better Auth writes them."""

from __future__ import annotations

from asgi_auth.percent import encode_component


def token_link(endpoint: str, *, token: str, callback_url: str) -> str:
    """An endpoint's URL with the token and the page to go on to."""
    return f"{endpoint}?token={token}&callbackURL={encode_component(callback_url)}"
