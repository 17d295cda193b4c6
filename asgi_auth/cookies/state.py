"""The cookie that ties the state of an OAuth flow to the browser that began it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from asgi_auth.asgi.cookies import clear_cookie, cookie_values, set_cookie
from asgi_auth.asgi.types import Scope
from asgi_auth.config import AuthConfig
from asgi_auth.cookies.naming import CookieNaming
from asgi_auth.crypto.signing import Signer

STATE = "state"
LIFETIME = timedelta(minutes=5)


class StateCookie:
    """Without it, whoever sends somebody a link with a code and state of their own signs that person in as themselves.

    One browser has one trip under way: who begins another forgets the first (Better Auth's contract, 20-cookies).
    """

    def __init__(self, config: AuthConfig, signer: Signer) -> None:
        naming = CookieNaming(config)
        self._signer = signer
        self._name = naming.name(STATE)
        self._attributes = naming.attributes(STATE)
        override = config.cookies.overrides.get(STATE)
        if self._attributes.same_site == "Strict" and not (override and override.same_site):
            # People come back from another site: a Strict cookie would never be among what they bring.
            self._attributes = replace(self._attributes, same_site="Lax")

    def states(self, scope: Scope) -> list[str]:
        """The states that a request's browser holds, by cookies whose signature is ours."""
        return list(filter(None, map(self._signer.unsign, cookie_values(scope, self._name))))

    def put(self, state: str) -> bytes:
        """The Set-Cookie value that binds a state."""
        seconds = int(LIFETIME / timedelta(seconds=1))
        return set_cookie(self._name, self._signer.sign(state), self._attributes, max_age=seconds)

    def clear(self) -> bytes:
        """The Set-Cookie value that forgets it."""
        return clear_cookie(self._name, self._attributes)
