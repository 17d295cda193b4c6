"""Signing in with the account of another service: there, back, and in (OAuth 2.0, OpenID Connect)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from asgi_auth.crypto.cipher import Cipher, DecryptionFailed
from asgi_auth.errors import (
    AuthError,
    LinkingNotAllowed,
    NotAuthenticated,
    SocialEmailNotVerified,
    Unavailable,
    UserEmailMissing,
)
from asgi_auth.events import EventBus, SignedInByProvider, SignInFailed
from asgi_auth.infrastructure.metrics import LOGIN_FAILURE, Metrics
from asgi_auth.models import User
from asgi_auth.oauth.client import AuthorizationRequest, OAuthClient
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.services.email import EmailService
from asgi_auth.services.email_letters import Lead
from asgi_auth.services.linking import Found, LinkingService, Visitor
from asgi_auth.services.oauth_state import LinkWish, OAuthState, StateService
from asgi_auth.services.rooms import Rooms
from asgi_auth.services.session import Device, LiveSession
from asgi_auth.services.sign_in import SignedIn
from asgi_auth.services.social_trip import (
    Arrival,
    CallbackRefused,
    Departure,
    Entry,
    OfferedIdToken,
    ProviderAnswer,
    SocialRequest,
)
from asgi_auth.services.visitors import VisitorService, redirect_uri, told

METHOD = "oauth"
MAX_SHOWN = 64


class SocialService:
    """Providers as a way in. ``cipher`` seals what a state holds of a session."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        oauth: OAuthClient,
        states: StateService,
        linking: LinkingService,
        emails: EmailService,
        events: EventBus,
        metrics: Metrics,
        cipher: Cipher,
    ) -> None:
        self._oauth = oauth
        self._visitors = VisitorService(oauth)
        self._states = states
        self._linking = linking
        self._emails = emails
        self._events = events
        self._metrics = metrics
        self._sessions = rooms.sessions
        self._sign_in = rooms.sign_in
        self._cipher = cipher

    async def depart(self, request: SocialRequest, *, linking: LiveSession | None = None) -> Departure:
        """Send somebody to a provider; with ``linking`` the account there is to become one of that session's user.

        Raises ProviderNotFound, or Unavailable where the provider's own description cannot be had.
        """
        provider = self._visitors.provider(request.provider_id)
        state = await self._states.begin(
            provider_id=provider.id,
            uses_nonce=provider.uses_nonce,
            added=request.added,
            callback_url=request.callback_url,
            error_url=request.error_url,
            new_user_url=request.new_user_url,
            request_sign_up=request.requests_sign_up,
            link=None if linking is None else self._wish(linking),
        )
        authorization = AuthorizationRequest(
            state=state.oauth_state or "",
            redirect_uri=redirect_uri(provider, request.base_url),
            code_verifier=state.code_verifier,
            scopes=request.scopes,
            login_hint=request.login_hint,
            nonce=state.id_token_nonce,
            params=request.params,
        )
        try:
            url = await self._oauth.authorization_url(provider, authorization)
        except ProviderFailed as error:
            told(provider, error)
            raise Unavailable from None
        return Departure(url=url, state=authorization.state)

    async def arrive(
        self, state: OAuthState, answer: ProviderAnswer, *, device: Device, is_remembered: bool
    ) -> Arrival:
        """Take somebody in who came back with a state that has just been claimed.

        Raises CallbackRefused, what LinkingService raises, SocialEmailNotVerified, and whatever a step on the door
        raises.
        """
        if state.link is not None:
            visitor = await self._visitors.by_answer(state, answer)
            await self._linking.link(await self._linker(state.link), visitor)
            return Arrival(url=state.callback_url)
        lead = Lead(callback_url=state.callback_url, base_url=answer.base_url)
        async with self._refusals_counted():
            visitor = await self._visitors.by_answer(state, answer)
            found = await self._find(visitor, requests_sign_up=state.request_sign_up is True, lead=lead)
        signed_in = await self._sign_in.complete(found.user, method=METHOD, device=device, is_remembered=is_remembered)
        await self._tell(found, signed_in, state.added)
        url = (state.new_user_url if found.is_new else None) or state.callback_url
        return Arrival(url=url, entry=Entry(signed_in=signed_in, account=found.account))

    async def sign_in(
        self, offered: OfferedIdToken, *, requests_sign_up: bool, lead: Lead, device: Device, is_remembered: bool
    ) -> Entry:
        """Let somebody in by an ID token; ``lead`` is where a letter to a new user's address leads.

        Raises ProviderNotFound, IdTokenNotSupported, InvalidIdToken, UserInfoMissing, Unavailable where the provider
        cannot be asked, what LinkingService raises, SocialEmailNotVerified, and whatever a step on the door raises.
        """
        async with self._refusals_counted():
            visitor = await self._visitors.by_id_token(offered)
            found = await self._find(visitor, requests_sign_up=requests_sign_up, lead=lead)
        signed_in = await self._sign_in.complete(found.user, method=METHOD, device=device, is_remembered=is_remembered)
        await self._tell(found, signed_in, offered.added)
        return Entry(signed_in=signed_in, account=found.account)

    async def link(self, user: User, offered: OfferedIdToken) -> None:
        """Give a signed-in user the account of an ID token; raises as ``sign_in`` and LinkingService do."""
        visitor = await self._visitors.by_id_token(offered)
        if visitor.profile.email is None:
            raise UserEmailMissing
        await self._linking.link_at_once(user, visitor)

    async def _find(self, visitor: Visitor, *, requests_sign_up: bool, lead: Lead) -> Found:
        """Whose account it is; a new user whose address the provider has not seen verified may be sent a letter."""
        provider = visitor.provider
        may_sign_up = provider.allows_sign_up and (provider.allows_implicit_sign_up or requests_sign_up)
        found = await self._linking.find_or_create(visitor, may_sign_up=may_sign_up)
        if found.is_new:
            self._emails.welcome(found.user, is_required=provider.requires_verified_email, lead=lead)
        if provider.requires_verified_email and not found.user.email_verified:
            raise SocialEmailNotVerified
        return found

    @asynccontextmanager
    async def _refusals_counted(self) -> AsyncIterator[None]:
        """Count and tell of whoever is not let in; faults, ours or the provider's, are no refusals."""
        try:
            yield
        except Unavailable:
            raise
        except (AuthError, CallbackRefused) as refusal:
            if isinstance(refusal, CallbackRefused) and refusal.is_fault:
                raise
            self._metrics.increment(LOGIN_FAILURE, method=METHOD)
            reason = _shown(refusal.code)
            await self._events.publish(SignInFailed(METHOD, reason))
            raise

    async def _tell(self, found: Found, signed_in: SignedIn, added: Mapping[str, object]) -> None:
        provider_id = found.account.provider_id
        await self._events.publish(SignedInByProvider(signed_in.session, provider_id, found.is_new, added))

    def _wish(self, live: LiveSession) -> LinkWish:
        sealed = self._cipher.encrypt(live.session.token)
        return LinkWish(user_id=live.user.id, email=live.user.email, encrypted_session_token=sealed)

    async def _linker(self, wish: LinkWish) -> User:
        """Who asked for the account to be linked, if the session they asked in is still theirs."""
        try:
            token = self._cipher.decrypt(wish.encrypted_session_token)
            live = await self._sessions.get_session(token, refreshes=False, reads_record=True)
        except (DecryptionFailed, NotAuthenticated):
            raise LinkingNotAllowed from None
        if live.user.id != wish.user_id:
            raise LinkingNotAllowed
        return live.user


def _shown(code: str | None) -> str:
    """A code as a log may hold it: the error that a browser brings from a provider can be any text."""
    return code if code and len(code) <= MAX_SHOWN and code.isascii() and code.isidentifier() else "other"
