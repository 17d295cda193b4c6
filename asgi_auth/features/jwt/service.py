"""JWTService: tokens for sessions, signed with keys that everybody may know, and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from math import floor
from typing import Any, Final

import msgspec

from asgi_auth.clock import seconds_of
from asgi_auth.crypto import jws
from asgi_auth.errors import InvalidToken, RepeatedHeader
from asgi_auth.features.jwt.claims import Claims, own_rules, validate_jwt_claims
from asgi_auth.features.jwt.figures import SIGN, VERIFY
from asgi_auth.features.jwt.keys import TrustedIssuer
from asgi_auth.features.jwt.models import TokenPair
from asgi_auth.features.jwt.options import JwtOptions, Parties
from asgi_auth.features.jwt.own_keys import OwnKeys
from asgi_auth.features.jwt.payload import PayloadWriter
from asgi_auth.features.jwt.refresh import RefreshTokens
from asgi_auth.features.jwt.verifier import JWTVerifier, VerifiedToken
from asgi_auth.models import Session, User, to_json
from asgi_auth.services.registry import Services
from asgi_auth.services.session import LiveSession

JWT_HEADER: Final = "set-auth-jwt"

Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]


class JWTService:
    """The JWTs of one Auth.

    Attributes:
        trusted: we ourselves, as an issuer whose tokens are taken: for a ``JWTVerifier`` that takes others' as well.
        options: what was decided.
        includes_session: our tokens say which session they rest on.
    """

    def __init__(self, services: Services, options: JwtOptions) -> None:
        self.options = options
        self._services = services
        self._metrics = services.metrics
        self._seconds = seconds_of(services.clock)
        self._parties = Parties.of(options, services.config)
        self._payload = PayloadWriter(options, user=services.engine.users.record)
        self.includes_session = (
            not services.config.is_compatible if options.include_session is None else options.include_session
        )
        self._keys = OwnKeys.of(services, options)
        rules = own_rules(issuer=self._parties.issuer, audiences=self._parties.audiences)
        self.trusted = TrustedIssuer(rules=rules, keys=self._keys)
        self._verifier = JWTVerifier([self.trusted], clock=services.clock)
        self._refresh_tokens = RefreshTokens(services, options) if options.refresh_tokens else None

    async def get_jwt_from_session(self, session: LiveSession | Session, *, user: User | None = None) -> str:
        """A new token for a session that holds, which is not asked for again.

        It says ``iat``, all of the user's fields that are returned (or what ``define_payload`` gives), ``sub``,
        ``exp``, ``iss``, ``aud``, and with ``include_session`` ``sid``, the session's id (Better Auth contract).

        Args:
            session: as services and contexts give it.
            user: whose it is; read where neither is given.

        Raises NotFound where the user is gone, SigningKeyUnreadable, Unavailable, TypeError where ``define_payload``
        or ``get_subject`` gives what no token can say.
        """
        if isinstance(session, LiveSession):
            user, session = user or session.user, session.session
        if user is None:
            user = await self._services.users.get(session.user_id)
        claims = await self._payload.write(user, session, issued_at=floor(self._seconds()))
        claims = self._completed(claims)
        if self.includes_session:
            claims["sid"] = session.id
        return await self._signed(claims)

    def extract_jwt_from_headers(self, headers: Headers) -> str | None:
        """The token that an answer of /get-session carries in ``set-auth-jwt``, or None: for programs that are clients.

        Args:
            headers: of the answer, a mapping or pairs, in any letter case.

        Raises RepeatedHeader where there are two. Nothing of it is verified.
        """
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        found = [_text(value) for name, value in pairs if _text(name).lower() == JWT_HEADER]
        if len(found) > 1:
            raise RepeatedHeader(JWT_HEADER)
        return found[0] if found and found[0] else None

    async def verify_jwt(self, token: str) -> VerifiedToken:
        """What a token of ours says: its key has to be one of ours by its ``kid``, ``iss``, ``aud`` and ``exp`` right.

        ``sub`` has to be there, and ``iat`` and ``nbf`` right if they are (Better Auth contract, RFC 7519). Whether its
        session still holds is not asked. It costs no query where the keys are known.

        Raises InvalidToken, Unavailable where the keys cannot be read.
        """
        try:
            verified = await self._verifier.verify(token)
        except InvalidToken:
            self._metrics.increment(VERIFY, outcome="refused")
            raise
        self.count_accepted()
        return verified

    def count_accepted(self) -> None:
        """Count a token that was accepted, here or because it was known."""
        self._metrics.increment(VERIFY, outcome="accepted")

    def validate_jwt_claims(self, claims: Claims) -> None:
        """Raise InvalidToken unless these claims are those of a token of ours that counts now.

        Only what they say is judged: for claims whose signature somebody else has verified.
        """
        validate_jwt_claims(claims, rules=self.trusted.rules, now=self._seconds())

    async def refresh_jwt(self, refresh_token: str) -> TokenPair:
        """A new token for whoever holds a refresh token.

        That is the session's own token, raw or signed as in the cookie, and stays so: Better Auth has no other. The
        store of record is asked, and a session that is due is extended. With ``refresh_tokens`` it is one that /token
        gave, and counts once: the answer has the next. One that comes again has been copied, so that all that came of
        it, its session included, ends; a client that repeats a request whose answer it lost has to sign in again.

        Raises InvalidToken (InvalidRefreshToken with ``refresh_tokens``), SigningKeyUnreadable, Unavailable.
        """
        if self._refresh_tokens is None:
            session_token = self._services.bearer_tokens.validate_bearer_token(refresh_token)
            live = await self._services.sessions.get_session(session_token, reads_record=True)
            return TokenPair(token=await self.get_jwt_from_session(live))
        return await self._refresh_tokens.redeem(refresh_token, self.get_jwt_from_session)

    async def issue(self, live: LiveSession) -> TokenPair:
        """A new token for a session, and with ``refresh_tokens`` its refresh token, in place of the one it had.

        A session's earlier refresh token counts no more. Raises what ``get_jwt_from_session`` does, and with
        ``refresh_tokens`` NotAuthenticated where the user is gone.
        """
        token = await self.get_jwt_from_session(live)
        if self._refresh_tokens is None:
            return TokenPair(token=token)
        return TokenPair(token=token, refresh_token=await self._refresh_tokens.issue(live.session))

    async def sign_jwt(
        self,
        payload: Mapping[str, object],
        *,
        lifetime: timedelta | None = None,
        issuer: str | None = None,
        audience: str | tuple[str, ...] | None = None,
    ) -> str:
        """A token that says what you like; for your own services, not for a session.

        With our own ``iss`` and ``aud`` it is a credential here as well, and lets its holder in as ``sub``: give
        another ``audience`` to what is for somebody else.

        What the payload says of ``exp``, ``iss`` and ``aud`` stands, the rest of these is added at its end. ``iat`` is
        there only if the payload has it; ``exp`` counts from it (Better Auth contract).

        Args:
            payload: claims by name, of whatever has a JSON form.
            lifetime: whole seconds from ``iat`` or now to ``exp`` (default ``JwtOptions.lifetime``).
            issuer: ``iss`` (default ours).
            audience: ``aud`` (default ours).

        Raises TypeError for what has no JSON form, SigningKeyUnreadable, Unavailable.
        """
        return await self._signed(self._completed(payload, lifetime=lifetime, issuer=issuer, audience=audience))

    async def get_jwks(self) -> dict[str, object]:
        """The document of our public keys, ``{"keys": [...]}`` (RFC 7517): exactly those that verify, oldest first.

        Where there is no key at all, one is made. Raises Unavailable.
        """
        return {"keys": [dict(key) for key in await self._keys.published()]}

    async def cache_jwks(self) -> None:
        """Read our keys now and remember them, so that the first token waits for no query. Raises Unavailable."""
        await self._keys.reload()

    async def refresh_jwks_if_needed(self, kid: str) -> bool:
        """Whether there is a key of this id; where it is not known the table is read, once in 10 seconds at most.

        Changes are heard of by themselves: this is for keys that came into being a moment ago. Raises Unavailable.
        """
        return await self._keys.reload_for(kid)

    async def rotate_keys(self) -> str:
        """Make a new key that signs from now on; returns its id.

        All others stop signing, and verify for ``JwtOptions.grace`` from now. To end one at once, delete its row.
        Raises Unavailable.
        """
        return await self._keys.rotate()

    async def ask(self) -> None:
        """For health checks: raise where nothing could be signed."""
        await self._keys.ask()

    @property
    def needs_all(self) -> bool:
        """Whether tokens are made of more than what clients are told of users and sessions."""
        return self._payload.needs_all

    async def close(self) -> None:
        """Give up what is under way."""
        await self._verifier.close()

    def _completed(
        self,
        payload: Mapping[str, object],
        *,
        lifetime: timedelta | None = None,
        issuer: str | None = None,
        audience: str | tuple[str, ...] | None = None,
    ) -> dict[str, object]:
        claims = dict(payload)
        began = claims.get("iat")
        if not isinstance(began, int | float) or isinstance(began, bool):
            began = self._seconds()
        seconds = (lifetime or self.options.lifetime).total_seconds()
        _fill(claims, "exp", floor(began) + floor(seconds))
        _fill(claims, "iss", issuer or self._parties.issuer)
        _fill(claims, "aud", audience or self._parties.audience)
        return claims

    async def _signed(self, claims: Mapping[str, object]) -> str:
        payload = _encoded(claims)
        token = jws.sign(payload, await self._keys.signing())
        self._metrics.increment(SIGN)
        return token


def _fill(claims: dict[str, Any], name: str, value: object) -> None:
    if claims.get(name) is None:
        claims[name] = value


def _encoded(claims: Mapping[str, object]) -> bytes:
    try:
        return to_json(claims)
    except (TypeError, NotImplementedError, ValueError, RecursionError, msgspec.MsgspecError):
        # What it says of the value may be the value.
        raise TypeError("a token says only what has a JSON form") from None


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
