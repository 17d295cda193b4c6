"""Keys that act as sessions of their users on the endpoints."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from asgi_auth.context import auth_context
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.features.api_key.errors import ApiKeyTooShort, InvalidOwner
from asgi_auth.features.api_key.source import find_api_key
from asgi_auth.features.api_key.verification import ApiKeyVerifier, JudgedKey
from asgi_auth.models import User
from asgi_auth.services.registry import Services
from asgi_auth.services.session import LiveSession

LIFETIME: Final = timedelta(days=7)
"""What the session of a key without an end says: the contract's number, in the seconds that it means."""


class KeySessions(EndpointHooks):
    """Verifies the key of a request on every endpoint, and lets it stand in for a session.

    It opens nothing that asks for the store of record, and no cookie and no token comes of it.
    """

    def __init__(self, services: Services, verifier: ApiKeyVerifier) -> None:
        self._clock = services.clock
        self._session = services.engine.sessions.record
        self._verifier = verifier
        self._options = verifier.configurations.with_sessions
        self._config_ids = frozenset(each.config_id for each in self._options)

    async def before(self, call: Call) -> None:
        """Judge the key of a request, if there is one; raises what the key is refused with."""
        key = find_api_key(call.scope, self._options)
        if key is None:
            return
        if all(each.validator is None and len(key) < each.key_length for each in self._options):
            raise ApiKeyTooShort
        outer = auth_context(call.scope).credentials.get("api_key")  # of a middleware around the endpoints
        judged = await self._verifier.judge(
            key,
            config_ids=self._config_ids,
            client=call.client_address,
            counted=None if outer is None else outer.api_key,
        )
        if judged.user is None:
            raise InvalidOwner
        call.stand_in(self._live(key, judged, judged.user, call))

    def _live(self, key: str, judged: JudgedKey, user: User, call: Call) -> LiveSession:
        now, device = self._clock(), call.device
        session = self._session(
            id=judged.api_key.id,
            token=key,
            user_id=user.id,
            user_agent=device.user_agent or None,
            ip_address=device.ip_address or None,
            created_at=now,
            updated_at=now,
            expires_at=judged.api_key.expires_at or now + LIFETIME,
        )
        return LiveSession(session=session, user=user)
