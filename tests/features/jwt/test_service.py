"""Tokens for sessions: what they say, in which order, and what becomes of odd payloads."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import msgspec
import pytest

from asgi_auth import FieldRules, NotFound, Unavailable, User
from asgi_auth.errors import InvalidToken, RepeatedHeader
from asgi_auth.features.jwt import JWTService, SigningKeyUnreadable
from asgi_auth.fields import wire
from tests.features.jwt.stored_keys import kid_of, part, rows
from tests.middleware.people import welcome
from tests.services.recorders import Figures
from tests.support import BASE_URL

SECONDS = 1795348800  # the frozen clock's, whole


@pytest.fixture
async def ada(auth):
    return await welcome(auth)


async def test_a_token_says_what_the_contract_says_in_its_order(auth, service, ada):
    token = await service.get_jwt_from_session(ada.session, user=ada.user)
    assert part(token, 0) == {"alg": "EdDSA", "kid": (await rows(auth))[0].id}
    said = part(token, 1)
    assert list(said) == ["iat", *wire(ada.user), "sub", "exp", "iss", "aud", "sid"]
    assert said.items() >= wire(ada.user).items()
    registered = {name: said[name] for name in ("iat", "sub", "exp", "iss", "aud", "sid")}
    assert registered == {
        "iat": SECONDS,
        "sub": ada.user.id,
        "exp": SECONDS + 900,
        "iss": BASE_URL,
        "aud": BASE_URL,
        "sid": ada.session.id,
    }
    assert ada.session.token not in str(said)


async def test_it_is_verified_here_for_as_long_as_it_says(service, ada, clock):
    token = await service.get_jwt_from_session(ada.session, user=ada.user)
    verified = await service.verify_jwt(token)
    assert (verified.subject, verified.claims["email"]) == (ada.user.id, ada.user.email)
    clock.advance(seconds=899)
    await service.verify_jwt(token)
    clock.advance(seconds=1)
    with pytest.raises(InvalidToken):
        await service.verify_jwt(token)


async def test_the_user_is_read_where_nobody_says_who_it_is(auth, service, ada):
    live = await auth.services.sessions.get_session(ada.token)
    for session in (ada.session, live):
        assert part(await service.get_jwt_from_session(session), 1)["email"] == ada.user.email
    gone = msgspec.structs.replace(ada.session, user_id="nobody")
    with pytest.raises(NotFound):
        await service.get_jwt_from_session(gone)


async def test_whoever_is_named_beside_a_live_session_is_meant(auth, service, ada):
    live = await auth.services.sessions.get_session(ada.token)
    renamed = msgspec.structs.replace(ada.user, name="Grace")
    assert part(await service.get_jwt_from_session(live, user=renamed), 1)["name"] == "Grace"


@pytest.mark.parametrize(
    ("is_compatible", "option", "has_sid"),
    [(False, None, True), (True, None, False), (True, True, True), (False, False, False)],
)
async def test_a_token_names_its_session_unless_it_is_to_be_as_better_auths(make_jwt, is_compatible, option, has_sid):
    auth = make_jwt({"include_session": option}, is_compatible=is_compatible)
    ada = await welcome(auth)
    token = await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=ada.user)
    assert ("sid" in part(token, 1)) == has_sid


class Member(User, frozen=True, kw_only=True):
    """Somebody with a number that no client is told, and a colour that all are."""

    number: Annotated[str | None, FieldRules(returned=False)] = "7"
    colour: str | None = "red"


async def test_it_says_all_that_clients_are_told_and_nothing_else(make_jwt):
    auth = make_jwt(user_model=Member)
    ada = await welcome(auth)
    said = part(await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=ada.user), 1)
    assert said["colour"] == "red"
    assert "number" not in said


async def test_what_it_says_may_be_defined_by_functions_or_coroutines(make_jwt):
    async def subject(user, session):
        await asyncio.sleep(0)
        return f"{user.email}/{session.id}"

    auth = make_jwt({"define_payload": lambda user, _: {"who": user.name}, "get_subject": subject})
    ada = await welcome(auth)
    token = await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=ada.user)
    said = part(token, 1)
    assert list(said) == ["iat", "who", "sub", "exp", "iss", "aud", "sid"]
    assert (said["who"], said["sub"]) == ("Somebody", f"ada@example.com/{ada.session.id}")


async def test_sub_and_sid_are_ours_whatever_the_payload_says(make_jwt):
    auth = make_jwt({"define_payload": lambda *_: {"sub": "eve", "sid": "theirs", "aud": "api", "exp": SECONDS + 5}})
    ada = await welcome(auth)
    said = part(await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=ada.user), 1)
    assert (said["sub"], said["sid"]) == (ada.user.id, ada.session.id)
    assert (said["aud"], said["exp"]) == ("api", SECONDS + 5)


@pytest.mark.parametrize(
    "payload", [None, ["a"], "text", {1: 2}, {"a": object()}, {"a": {1, 2}.__iter__()}, {"a": "\ud800"}]
)
async def test_what_no_token_can_say_is_an_error_of_ours_that_does_not_quote_it(make_jwt, payload):
    auth = make_jwt({"define_payload": lambda *_: payload})
    ada = await welcome(auth)
    with pytest.raises(TypeError, match=r"define_payload gives|JSON form"):
        await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=ada.user)


@pytest.mark.parametrize("subject", [None, "", 7])
async def test_a_subject_is_a_text(make_jwt, subject):
    auth = make_jwt({"get_subject": lambda *_: subject})
    ada = await welcome(auth)
    with pytest.raises(TypeError, match="get_subject"):
        await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=ada.user)


async def test_signing_adds_what_is_missing_at_the_end(service):
    said = part(await service.sign_jwt({"a": 1, "sub": "u"}), 1)
    assert list(said.items()) == [
        ("a", 1),
        ("sub", "u"),
        ("exp", SECONDS + 900),
        ("iss", BASE_URL),
        ("aud", BASE_URL),
    ]


async def test_signing_keeps_what_the_payload_says(service):
    payload = {"a": 1, "sub": "u", "iat": 5, "exp": 7, "iss": "me", "aud": "x"}
    assert part(await service.sign_jwt(payload), 1) == payload


async def test_a_lifetime_counts_from_iat_where_the_payload_has_one(service):
    token = await service.sign_jwt({"sub": "u", "iat": 5}, lifetime=timedelta(hours=1), issuer="you")
    assert part(token, 1) == {"sub": "u", "iat": 5, "exp": 3605, "iss": "you", "aud": BASE_URL}
    token = await service.sign_jwt({"sub": "u"}, lifetime=timedelta(hours=1), audience=("a", "b"))
    assert part(token, 1) == {"sub": "u", "exp": SECONDS + 3600, "iss": BASE_URL, "aud": ["a", "b"]}


async def test_what_is_signed_for_somebody_else_is_not_taken_here(service):
    for options in ({"issuer": "https://other.test"}, {"audience": "other"}):
        with pytest.raises(InvalidToken):
            await service.verify_jwt(await service.sign_jwt({"sub": "u"}, **options))


async def test_claims_alone_are_judged_as_those_of_a_token(service, clock):
    claims = {"iss": BASE_URL, "aud": BASE_URL, "sub": "u", "exp": SECONDS + 1}
    service.validate_jwt_claims(claims)
    for wrong in ({"iss": "x"}, {"aud": "x"}, {"sub": ""}, {"exp": SECONDS}, {"exp": math.nan}, {"nbf": SECONDS + 99}):
        with pytest.raises(InvalidToken):
            service.validate_jwt_claims(claims | wrong)


async def test_a_token_without_kid_is_none_of_ours(service):
    token = await service.sign_jwt({"sub": "u"})
    assert kid_of(token)
    header = "eyJhbGciOiJFZERTQSJ9"  # {"alg":"EdDSA"}
    with pytest.raises(InvalidToken):
        await service.verify_jwt(f"{header}.{token.split('.', 1)[1]}")


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Set-Auth-Jwt": "a.b.c"}, "a.b.c"),
        ([(b"set-auth-jwt", b"a.b.c"), (b"content-type", b"x")], "a.b.c"),
        ({"authorization": "Bearer a.b.c"}, None),
        ({"set-auth-jwt": ""}, None),
        ([], None),
    ],
)
def test_the_token_of_an_answer_is_found_in_its_headers(make_jwt, headers, token):
    assert make_jwt().services.get(JWTService).extract_jwt_from_headers(headers) == token


def test_which_of_two_tokens_counts_is_not_guessed(make_jwt):
    with pytest.raises(RepeatedHeader):
        make_jwt().services.get(JWTService).extract_jwt_from_headers([("set-auth-jwt", "a"), ("SET-AUTH-JWT", "b")])


async def test_a_session_token_refreshes_on_the_word_of_the_store_of_record(auth, service, ada, clock):
    signed = auth.services.signer.sign(ada.token)
    for token in (ada.token, signed):
        pair = await service.refresh_jwt(token)
        assert part(pair.token, 1)["sub"] == ada.user.id
        assert pair.refresh_token is None
    await auth.services.engine.sessions.take(id=ada.session.id)
    with pytest.raises(InvalidToken):
        await service.refresh_jwt(ada.token)


async def test_refreshing_reads_the_session_even_if_it_is_known(make_jwt):
    auth = make_jwt()
    service, ada = auth.services.get(JWTService), await welcome(auth)
    for _ in range(2):
        await service.refresh_jwt(ada.token)
        await service.verify_jwt(await service.sign_jwt({"sub": "u"}))
    await auth.services.sessions.get_session(ada.token)
    with auth.services.engine.recorded() as statements:
        await service.refresh_jwt(ada.token)
    assert len(statements) == 1


@pytest.mark.parametrize("token", ["", "nobody's", "a.b", "a.b.c", "\ud800", "x" * 10_000])
async def test_what_is_no_session_token_refreshes_nothing(service, token):
    with pytest.raises(InvalidToken):
        await service.refresh_jwt(token)


async def test_what_happens_is_counted(make_jwt):
    figures = Figures()
    service = make_jwt(metrics=figures).services.get(JWTService)
    token = await service.sign_jwt({"sub": "u"})
    await service.verify_jwt(token)
    with pytest.raises(InvalidToken):
        await service.verify_jwt(token[:-8] + "AAAAAAAA")
    assert [count for count in figures.counts if count[0].startswith("auth.jwt")] == [
        ("auth.jwt.sign", {}),
        ("auth.jwt.verify", {"outcome": "accepted"}),
        ("auth.jwt.verify", {"outcome": "refused"}),
    ]


async def test_no_repr_shows_a_token(service, ada):
    pair = await service.refresh_jwt(ada.token)
    verified = await service.verify_jwt(pair.token)
    assert pair.token not in repr(pair)
    assert ada.user.email not in repr(verified)
    assert pair == replace(pair)


async def test_where_keys_cannot_be_read_nothing_is_said_of_the_token(auth, service):
    token = await service.sign_jwt({"sub": "u"})
    await service.rotate_keys()  # what is remembered is dropped
    await auth.services.engine._executor.run_text('DROP TABLE "jwks"')
    with pytest.raises(Unavailable):
        await service.verify_jwt(token)
    with pytest.raises(Unavailable):
        await service.sign_jwt({"sub": "u"})


def test_the_error_of_an_unreadable_key_names_the_key_and_what_helps():
    assert "the-kid" in str(SigningKeyUnreadable("the-kid"))
    assert "JWTService.rotate_keys()" in str(SigningKeyUnreadable("the-kid"))
