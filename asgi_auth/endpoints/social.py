"""Endpoints of providers: where to go to sign in there or to link an account, and both at once by an ID token."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from msgspec import UNSET, UnsetType

from asgi_auth.clock import Timestamp
from asgi_auth.endpoints.answers import SocialLink, SocialSignIn
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.errors import BodyTooLarge
from asgi_auth.endpoints.responses import Answer, header_url
from asgi_auth.endpoints.routing import Endpoints, post
from asgi_auth.endpoints.social_bodies import LinkIdToken, LinkSocial, Person, SignInIdToken, SignInSocial
from asgi_auth.fields import wire
from asgi_auth.models import to_json
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.services.session import LiveSession
from asgi_auth.services.social_trip import Entry, OfferedIdToken, SocialRequest

MAX_WISHES = 16 * 1024
"""Bytes of JSON that may be asked for: all of it is stored for minutes, for strangers, or has to fit into a URL."""


class SocialEndpoints(Endpoints):
    """Accounts of other services as a way in."""

    @post("/sign-in/social", answers=SocialSignIn)
    async def sign_in(self, call: Call, body: SignInSocial) -> Answer:
        """Say where to go to sign in at a provider; with an ID token, sign in at once."""
        if not isinstance(body.id_token, UnsetType):
            return await self._sign_in_at_once(call, body, body.id_token)
        return await _depart(call, body, new_user_url=body.new_user_callback_url or None)

    @post("/link-social", answers=SocialLink)
    async def link(self, call: Call, body: LinkSocial) -> Answer:
        """Say where to go to have an account linked; with an ID token, link it at once."""
        live = await call.session(is_sensitive=True)
        if isinstance(body.id_token, UnsetType):
            return await _depart(call, body, linking=live)
        await call.services.social.link(live.user, _offered(body.provider, body.id_token))
        return Answer(body=SocialLink(url="", status=True, redirect=False))

    async def _sign_in_at_once(self, call: Call, body: SignInSocial, given: SignInIdToken) -> Answer:
        entry = await call.services.social.sign_in(
            replace(_offered(body.provider, given), added=body.additional_data or {}),
            requests_sign_up=body.request_sign_up is True,
            lead=call.lead(body.callback_url),
            device=call.device,
            is_remembered=call.is_remembered,
        )
        let_in(call, entry)
        signed_in = entry.signed_in
        answer = {"redirect": False, "token": signed_in.session.token, "user": wire(signed_in.user)}
        return Answer(body=answer, is_private=True)


def let_in(call: Call, entry: Entry) -> None:
    """Give the browser its session, and the account that it was let in by where configured."""
    call.keep_account(entry.account)
    signed_in = entry.signed_in
    call.start_session(signed_in.session, user=signed_in.user, is_remembered=signed_in.is_remembered)


async def _depart(
    call: Call, body: SignInSocial | LinkSocial, *, new_user_url: str | None = None, linking: LiveSession | None = None
) -> Answer:
    """Bind the browser to a new state, and say where to go; a client that follows by itself finds it in the header."""
    if len(to_json(call.given)) > MAX_WISHES:
        raise BodyTooLarge
    request = SocialRequest(
        provider_id=body.provider,
        base_url=call.base_url,
        callback_url=body.callback_url or call.origin,
        error_url=body.error_callback_url or None,
        new_user_url=new_user_url,
        scopes=tuple(body.scopes or ()),
        login_hint=body.login_hint or None,
        requests_sign_up=body.request_sign_up or None,
        params=body.additional_params or {},
        added=body.additional_data or {},
    )
    departure = await call.services.social.depart(request, linking=linking)
    call.put_cookies([call.web.state_cookie.put(departure.state)])
    follows = body.disable_redirect is not True
    headers = {"location": header_url(departure.url)} if follows else {}
    return Answer(body={"url": departure.url, "redirect": follows}, headers=headers)


def _offered(provider_id: str, given: LinkIdToken) -> OfferedIdToken:
    more = given if isinstance(given, SignInIdToken) else None
    tokens = Tokens(
        id_token=given.token,
        access_token=given.access_token or None,
        refresh_token=given.refresh_token or None,
        access_token_expires_at=None if more is None else _moment(more.expires_at),
    )
    claims = None if more is None else _claims(more.user)
    return OfferedIdToken(provider_id=provider_id, tokens=tokens, nonce=given.nonce or None, given=claims)


def _moment(milliseconds: float | UnsetType) -> Timestamp | None:
    if isinstance(milliseconds, UnsetType):
        return None
    try:
        return Timestamp.of(datetime.fromtimestamp(milliseconds / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return None  # a year beyond any calendar: as good as not told


def _claims(person: Person | UnsetType) -> dict[str, object] | None:
    """What a kit tells of a person, as the callback's ``user`` tells it."""
    if isinstance(person, UnsetType):
        return None
    claims: dict[str, object] = {} if person.email is UNSET else {"email": person.email}
    if not isinstance(person.name, UnsetType):
        parts = {"firstName": person.name.first_name, "lastName": person.name.last_name}
        claims["name"] = {name: value for name, value in parts.items() if value is not UNSET}
    return claims
