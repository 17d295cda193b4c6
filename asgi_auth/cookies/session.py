"""The cookies of a session: their names, what they hold, how they are set, read and cleared."""

from __future__ import annotations

from datetime import timedelta

from asgi_auth.asgi.chunked_cookies import ChunkedCookie
from asgi_auth.asgi.cookies import clear_cookie, cookie_values, set_cookie
from asgi_auth.asgi.types import Scope
from asgi_auth.config import AuthConfig
from asgi_auth.cookies.naming import CookieNaming
from asgi_auth.crypto.signing import Signer
from asgi_auth.models import Session

SESSION_TOKEN = "session_token"  # noqa: S105  (a cookie's name)
SESSION_DATA = "session_data"
ACCOUNT_DATA = "account_data"
DONT_REMEMBER = "dont_remember"
KEYS = (SESSION_TOKEN, SESSION_DATA, ACCOUNT_DATA, DONT_REMEMBER)


class SessionCookies:
    """The cookies of one configuration (Better Auth's contract, 20-cookies).

    ``token_name`` names the cookie that holds the session token; ``data`` is the cookie cache's cookie, ``account``
    that of the account used last.
    """

    def __init__(self, config: AuthConfig, signer: Signer, *, token_name: str | None = None) -> None:
        naming = CookieNaming(config)
        self._signer = signer
        self._lifetime = int(config.session.lifetime / timedelta(seconds=1))
        self._names = {key: naming.name(key) for key in KEYS}
        if token_name is not None:
            self._names[SESSION_TOKEN] = token_name
        self._attributes = {key: naming.attributes(key) for key in self._names}
        self.token_name = self._names[SESSION_TOKEN]
        self.data = ChunkedCookie(self._names[SESSION_DATA], self._attributes[SESSION_DATA])
        self.account = ChunkedCookie(self._names[ACCOUNT_DATA], self._attributes[ACCOUNT_DATA])
        self._has_account = config.accounts.has_cookie

    def offered(self, scope: Scope) -> list[str]:
        """The values of all session cookies of a request, still signed."""
        return cookie_values(scope, self.token_name)

    def unsign(self, offered: list[str]) -> str | None:
        """The session token of the first cookie whose signature holds.

        The first alone would let a sub-domain that can set cookies for its parent lock everybody out.
        """
        return next(filter(None, map(self._signer.unsign, offered)), None)

    def is_remembered(self, scope: Scope) -> bool:
        """Whether the browser is to keep the session when it closes: no valid dont_remember cookie came along."""
        return not any(map(self._signer.unsign, cookie_values(scope, self._names[DONT_REMEMBER])))

    def start(self, session: Session, *, is_remembered: bool, scope: Scope) -> list[bytes]:
        """Set-Cookie values that give a browser a session."""
        cookies = [self._token_cookie(session, self._lifetime if is_remembered else None)]
        if not is_remembered:
            cookies.append(
                set_cookie(self._names[DONT_REMEMBER], self._signer.sign("true"), self._attributes[DONT_REMEMBER])
            )
        elif not self.is_remembered(scope):
            cookies.append(self._clear(DONT_REMEMBER))
        return cookies

    def refresh(self, session: Session) -> tuple[bytes, ...]:
        """Set-Cookie values after a session's expiry has moved."""
        return (self._token_cookie(session, self._lifetime),)

    def clear(self, scope: Scope) -> list[bytes]:
        """Set-Cookie values that take a session away, with what the request brought of the cookie cache.

        A ``session_data`` or ``account_data`` that came along is cleared twice (Better Auth's contract).
        """
        return [
            self._clear(SESSION_TOKEN),
            self._clear(SESSION_DATA),
            *((self._clear(ACCOUNT_DATA), *self.account.clear_received(scope)) if self._has_account else ()),
            *self.data.clear_received(scope),
            self._clear(DONT_REMEMBER),
        ]

    def _token_cookie(self, session: Session, max_age: int | None) -> bytes:
        return set_cookie(
            self.token_name,
            self._signer.sign(session.token),
            self._attributes[SESSION_TOKEN],
            max_age=max_age,
        )

    def _clear(self, key: str) -> bytes:
        return clear_cookie(self._names[key], self._attributes[key])
