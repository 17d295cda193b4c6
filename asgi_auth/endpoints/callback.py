"""Endpoints that providers send people back to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, urlencode

from asgi_auth.endpoints.body import decode_json
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.errors import InvalidJson
from asgi_auth.endpoints.responses import Answer, redirect
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.endpoints.social import let_in
from asgi_auth.endpoints.social_bodies import CallbackFields
from asgi_auth.endpoints.urls import with_query
from asgi_auth.errors import (
    AuthError,
    LinkingNotAllowed,
    LinkingOtherEmail,
    NotFound,
    OAuthLinkFailed,
    RateLimited,
    SessionNotCreated,
    SocialAccountAlreadyLinked,
    SocialEmailNotVerified,
    Unavailable,
    UserEmailMissing,
    UserInfoMissing,
)
from asgi_auth.providers.base import Claims
from asgi_auth.services.oauth_state import LinkWish, OAuthState, StateMismatch, StateUnreadable
from asgi_auth.services.social_trip import CallbackRefused, ProviderAnswer
from asgi_auth.session_reader import CACHE_NOT_READ

REASONS: Mapping[type[AuthError], str] = MappingProxyType(
    {
        UserEmailMissing: "email_not_found",
        UserInfoMissing: "unable_to_get_user_info",
        SocialEmailNotVerified: "email_not_verified",
        LinkingNotAllowed: "unable_to_link_account",
        LinkingOtherEmail: "email_does_not_match",
        SocialAccountAlreadyLinked: "account_already_linked_to_different_user",
        SessionNotCreated: "unable_to_create_session",
        NotFound: "unable_to_link_account",
    }
)
"""Refusals that have names of their own here (Better Auth's contract, 10, "callback")."""

BROKEN = "internal_server_error"
MAX_DEPTH = 8
"""Levels of what a provider tells of a person beside its tokens."""


class CallbackEndpoints(Endpoints):
    """Coming back from a provider."""

    @get("/callback/{id}")
    async def callback(self, call: Call, query: CallbackFields) -> Answer:
        """Sign somebody in, or link the account there; a redirect, whatever happens."""
        if not query.state:
            return _sent_away(call, CallbackRefused("state_not_found"))
        try:
            state = await call.services.states.claim(query.state, in_browser=call.web.state_cookie.states(call.scope))
        except StateMismatch as mismatch:
            return _sent_away(call, CallbackRefused("state_mismatch"), error_url=mismatch.error_url)
        except StateUnreadable:
            return _sent_away(call, CallbackRefused(BROKEN))
        call.put_cookies([call.web.state_cookie.clear()])
        try:
            return await _arrive(call, state, query)
        except CallbackRefused as refused:
            return _sent_away(call, refused, error_url=state.error_url)
        except AuthError as error:
            return _sent_away(call, _refused(error), error_url=state.error_url)

    @post("/callback/{id}", takes_forms=True)
    async def post_callback(self, call: Call, body: CallbackFields | None, query: CallbackFields) -> Answer:
        """Turn a posted answer into the same by GET: a form from another site brings no cookies along."""
        fields = {**_told(body), **_told(query)}
        ordered = {name: fields[name] for name in CallbackFields.__struct_fields__ if name in fields}
        provider_id = quote(call.path_param("id"), safe="")
        return redirect(f"{call.base_url}/callback/{provider_id}?{urlencode(ordered)}", is_private=True)


async def _arrive(call: Call, state: OAuthState, query: CallbackFields) -> Answer:
    # Both were trusted when the state was made; what is trusted may have changed since, and rows can be written.
    if not call.trusts(state.callback_url):
        raise CallbackRefused("no_callback_url")
    if state.link is not None:
        await _check_linker(call, state.link)
    answer = ProviderAnswer(
        provider_id=call.path_param("id"),
        base_url=call.base_url,
        code=query.code or None,
        error=query.error or None,
        error_description=query.error_description or None,
        issuer=query.iss or None,
        given=_given(query.user or "null"),
    )
    arrival = await call.services.social.arrive(state, answer, device=call.device, is_remembered=call.is_remembered)
    if arrival.entry is not None:
        let_in(call, arrival.entry)
    return redirect(arrival.url if call.trusts(arrival.url) else state.callback_url)


async def _check_linker(call: Call, wish: LinkWish) -> None:
    """Whoever is signed in here now has to be the one who asked: nobody else's account is given away.

    A browser without a session may come back all the same: clients with bearer tokens have none there.
    """
    live = await call.find_session(refreshes=False, cache=CACHE_NOT_READ)
    if live is not None and live.user.id != wish.user_id:
        raise LinkingNotAllowed


def _refused(error: AuthError) -> CallbackRefused:
    """A refusal in the callback's words; raises what is no verdict on anybody."""
    if isinstance(error, Unavailable | RateLimited):
        raise error
    if isinstance(error, OAuthLinkFailed):
        return CallbackRefused(error.message.replace(" ", "_"))
    reason = REASONS.get(type(error))
    return CallbackRefused(error.code or BROKEN, error.message) if reason is None else CallbackRefused(reason)


def _sent_away(call: Call, refused: CallbackRefused, *, error_url: str | None = None) -> Answer:
    """Send a browser where errors are told: where it asked for, else where we are configured to, else our own page."""
    if error_url is None or not call.trusts(error_url):
        error_url = call.web.config.error_url or f"{call.base_url}/error"
    location = with_query(error_url, error=refused.code, error_description=refused.description)
    return redirect(location.replace(" ", "%20"))


def _told(fields: CallbackFields | None) -> dict[str, str]:
    if fields is None:
        return {}
    values = {name: getattr(fields, name) for name in CallbackFields.__struct_fields__}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _given(user: str) -> Claims | None:
    """What a provider tells of a person beside its tokens, once and as JSON; anything else is as good as nothing."""
    try:
        given = decode_json(user.encode(), max_depth=MAX_DEPTH)
    except (InvalidJson, UnicodeEncodeError):
        return None
    return given if isinstance(given, Mapping) else None
