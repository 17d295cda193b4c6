"""The account used last in an encrypted cookie (``account_data``): what it holds, and how it is read."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from asgi_auth.asgi.chunked_cookies import ChunkedCookie
from asgi_auth.asgi.types import Scope
from asgi_auth.clock import Clock
from asgi_auth.config import AuthConfig
from asgi_auth.crypto.jwe import ClaimsCipher
from asgi_auth.crypto.keys import ACCOUNT_CACHE_SALT
from asgi_auth.models import Account, decode_hook, encode_hook


class AccountCookie:
    """What one configuration keeps of accounts in ``cookie``: without ``accounts.has_cookie``, nothing.

    It holds the account as it is stored: tokens that are encrypted there are encrypted here once more.
    """

    def __init__(self, config: AuthConfig, cookie: ChunkedCookie, *, clock: Clock) -> None:
        self._is_used = config.accounts.has_cookie
        self._lifetime = config.cookie_cache.lifetime
        self._cookie = cookie
        self._cipher = ClaimsCipher([secret.value for secret in config.all_secrets], salt=ACCOUNT_CACHE_SALT)
        self._clock = clock

    def write(self, account: Account, *, scope: Scope) -> list[bytes]:
        """Set-Cookie values that leave an account with the client; none for one that holds a password."""
        if not self._is_used or account.password is not None:
            return []
        claims = msgspec.to_builtins(account, enc_hook=encode_hook)
        value = self._cipher.seal(claims, now=self._clock(), lifetime=self._lifetime)
        return self._cookie.write(value, scope=scope, max_age=int(self._lifetime / timedelta(seconds=1)))

    def read(self, scope: Scope, *, user_id: str) -> Account | None:
        """The account that came with a request, if it is that user's and the cookie has not expired."""
        value = self._cookie.read(scope) if self._is_used else None
        claims = self._cipher.open(value, now=self._clock()) if value else None
        if claims is None:
            return None
        try:
            account = msgspec.convert(claims, Account, dec_hook=decode_hook)
        except msgspec.ValidationError:
            return None
        return account if account.user_id == user_id else None

    def clear(self, scope: Scope) -> list[bytes]:
        """Set-Cookie values that take it away."""
        return self._cookie.clear(scope) if self._is_used else []
