"""States: stored as Better Auth stores them, bound to a browser, redeemed once."""

import asyncio
import json

import pytest

from asgi_auth.services.oauth_state import STATE, StateMismatch, StateUnreadable


@pytest.fixture
def states(auth):
    return auth.services.states


async def begin(states, **changes):
    given = {"provider_id": "corp", "uses_nonce": False, "added": {}, "callback_url": "/dash", "error_url": "/oops"}
    return await states.begin(**given | changes)


async def claim(states, state):
    return await states.claim(state.oauth_state, in_browser=[state.oauth_state])


async def test_what_was_begun_is_claimed_as_it_was(states):
    state = await begin(states, new_user_url="/new", uses_nonce=True, request_sign_up=True, added={"plan": [1]})
    assert await claim(states, state) == state
    assert (state.for_provider, state.added) == ("corp", {"plan": [1]})


async def test_a_state_is_claimed_once(states):
    state = await begin(states)
    await claim(states, state)
    with pytest.raises(StateMismatch) as caught:
        await claim(states, state)
    assert caught.value.error_url is None


async def test_of_many_who_claim_one_gets_it(states):
    state = await begin(states)

    async def attempt():
        try:
            return await claim(states, state)
        except StateMismatch:
            return None

    claimed = await asyncio.gather(*(attempt() for _ in range(8)))
    assert [each for each in claimed if each is not None] == [state]


@pytest.mark.parametrize("held", [[], ["x" * 32], [""]])
async def test_another_browser_gets_nothing_and_spoils_nothing(states, held):
    state = await begin(states)
    with pytest.raises(StateMismatch) as caught:
        await states.claim(state.oauth_state, in_browser=held)
    assert caught.value.error_url == "/oops"
    assert await claim(states, state) == state


async def test_after_ten_minutes_it_is_too_late(states, clock):
    state = await begin(states)
    clock.advance(minutes=10, seconds=1)
    with pytest.raises(StateMismatch):
        await claim(states, state)


async def test_the_moment_in_the_value_counts_as_well(auth, states, clock):
    state = await begin(states)
    await change(auth, state, expiresAt=1)
    with pytest.raises(StateMismatch) as caught:
        await claim(states, state)
    assert caught.value.error_url == "/oops"


async def test_a_value_moved_to_another_state_is_refused(auth, states):
    state, other = await begin(states), await begin(states)
    await change(auth, state, oauthState=other.oauth_state)
    with pytest.raises(StateMismatch):
        await claim(states, state)


@pytest.mark.parametrize("value", ["", "{", "[]", "null", "{}", '{"callbackURL":"/"}', '{"callbackURL":1}'])
async def test_a_value_that_is_none_is_unreadable(auth, states, value):
    state = await begin(states)
    await auth.services.engine.verifications.change({"identifier": STATE.prefix + state.oauth_state}, value=value)
    with pytest.raises(StateUnreadable):
        await claim(states, state)


async def test_a_row_of_a_better_auth_server_is_read(auth, states, clock):
    value = json.dumps(
        {
            "callbackURL": "/dash",
            "codeVerifier": "v" * 128,
            "expiresAt": round(clock().timestamp() * 1000) + 1000,
            "anything": {"else": 1},
        }
    )
    secret = await auth.services.verifications.issue(STATE, value=value)
    state = await states.claim(secret, in_browser=[secret])
    assert (state.callback_url, state.for_provider, state.link, state.error_url) == ("/dash", None, None, None)
    assert state.added == {"anything": {"else": 1}}


async def test_clients_cannot_fill_what_is_ours(auth, states):
    added = dict.fromkeys(("callbackURL", "codeVerifier", "link", "idTokenNonce", "serverContext", "own"), "theirs")
    state = await begin(states, added=added)
    stored = await auth.services.verifications.find(STATE, state.oauth_state)
    assert [name for name, value in json.loads(stored).items() if value == "theirs"] == ["own"]


async def test_the_secrets_of_a_state_are_not_shown(states):
    state = await begin(states, uses_nonce=True)
    shown = repr(state)
    assert not any(secret in shown for secret in (state.code_verifier, state.id_token_nonce, state.oauth_state))


async def change(auth, state, **values):
    identifier = STATE.prefix + state.oauth_state
    row = await auth.services.engine.verifications.find(identifier=identifier)
    value = json.dumps({**json.loads(row.value), **values})
    await auth.services.engine.verifications.change({"identifier": identifier}, value=value)
