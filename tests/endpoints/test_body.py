"""Bodies of every kind: types, sizes, encodings, and clients that are slow or go away."""

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import RequestOptions
from tests.endpoints.wire import exchange, http, request
from tests.support import ADA, PASSWORD, browser, me, whoami

SIGN_IN = "/api/auth/sign-in/email"
UPDATE = "/api/auth/update-user"
JSON = {"content-type": "application/json"}
CREDENTIALS = f'{{"email":"ada@example.com","password":"{PASSWORD}"}}'

FOREIGN = [
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/ld+json",
    "application/jsonx",
    "application/x-json",
    "text/plain, application/json",
    "application/json, text/plain",
    ";application/json",
    '"application/json"',
    "application",
    "json",
    "application/json\x0bx",
]

FAMILIAR = [
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON; charset=utf-7",
    "application/json;",
    "application/json\t;x",
    "Application/Json;x=application/x-www-form-urlencoded",
]

NO_JSON = [
    b"{",
    b"   ",
    b"{'a':1}",
    b'{"a":1,}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":1e400}',
    b'{"a":01}',
    b"{}{}",
    b'{"a":"\xff"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\ud800"}',
    b'{"a":"\\udc00\\ud800"}',
    b'{"a":"a\\u0000b"}',
    b'{"a\\u0000":"b"}',
    b'{"a":{"b":["\\u0000"]}}',
    b'"\\u0000"',
    b'{"a":' + b"9" * 400 + b"}",
    b"[" * 10_000,
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"[" * 33 + b"]" * 33 + b"]",
    b'{"a":' + b"[" * 33 + b"]" * 33 + b"}",
    '{"a":1}'.encode("utf-16"),
    b"\x00",
]


FORMS_TOO = "application/x-www-form-urlencoded, application/json"


@pytest.mark.parametrize(("path", "known"), [(SIGN_IN, FORMS_TOO), (UPDATE, "application/json")])
async def test_a_foreign_media_type_is_named_with_those_that_are_known(member, path, known):
    for content_type in FOREIGN:
        response = await member.post(path, content=CREDENTIALS, headers={"content-type": content_type})
        assert response.status_code == 415
        assert response.json() == {
            "message": f'Content-Type "{content_type}" is not allowed. Allowed types: {known}',
            "code": "UNSUPPORTED_MEDIA_TYPE",
        }
        assert "set-cookie" not in response.headers


async def test_the_media_type_counts_and_its_parameters_do_not(member):
    for content_type in FAMILIAR:
        response = await member.post(SIGN_IN, content=CREDENTIALS, headers={"content-type": content_type})
        assert response.status_code == 200, content_type


async def test_forms_are_for_signing_in_and_up_only(member):
    response = await member.post(UPDATE, data={"name": "x"})
    assert response.status_code == 415
    assert (await member.get("/api/auth/get-session")).json()["user"]["name"] == "Ada"


async def test_a_body_without_a_type_counts_as_none(guest):
    response = await guest.post(SIGN_IN, content=CREDENTIALS)
    assert response.json()["message"] == "[body] Invalid input: expected object, received undefined"


@pytest.mark.parametrize("headers", [JSON, {"content-type": "text/plain"}, {}])
async def test_the_type_of_no_body_does_not_matter(guest, headers):
    response = await guest.post(SIGN_IN, headers=headers)
    assert response.status_code == 400
    assert response.json()["message"] == "[body] Invalid input: expected object, received undefined"


@pytest.mark.parametrize("path", [SIGN_IN, "/api/auth/revoke-other-sessions"])
async def test_what_is_not_json_or_cannot_be_stored_is_400(guest, path):
    for body in NO_JSON:
        response = await guest.post(path, content=body, headers=JSON)
        assert response.status_code == 400, body[:50]
        assert response.json() == {"message": "Invalid JSON in request body", "code": "BAD_REQUEST"}


async def test_nesting_is_fine_within_bounds(member):
    body = b'{"name":"x","deep":' + b"[" * 30 + b"]" * 30 + b"}"
    assert (await member.post(UPDATE, content=body, headers=JSON)).json() == {"status": True}


async def test_of_a_repeated_key_the_last_counts_as_in_javascript(member):
    body = f'{{"email":"bad",{CREDENTIALS[1:]}'
    assert (await member.post(SIGN_IN, content=body, headers=JSON)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"a=%00", b"%00=b", b"a=\x00", b"email=\xff", b"email=%ff", "email=ä".encode(), b"&".join([b"a=1"] * 101)],
)
async def test_a_form_that_cannot_be_stored_is_400(guest, body):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await guest.post(SIGN_IN, content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("body", [b"&&==&%zz", b"email", b"=", b"email[]=x"])
async def test_an_odd_form_is_a_form_without_what_was_asked_for(guest, body):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await guest.post(SIGN_IN, content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_a_large_body_is_refused_by_its_announced_length_before_it_is_read(quick):
    async def never():
        raise AssertionError("read")

    answers = []

    async def send(message):
        answers.append(message)

    headers = [("content-type", "application/json"), ("content-length", str(5 * 1024 * 1024))]
    await quick.endpoints(http("POST", "/sign-up/email", headers), never, send)
    assert answers[0]["status"] == 413


@pytest.mark.parametrize("length", [None, "0", "5", "-1", "abc", "9" * 5000, "1e9", ""])
async def test_a_large_body_is_refused_while_it_arrives_whatever_length_was_announced(quick, length):
    read = 0

    async def receive():
        nonlocal read
        read += 1
        return request(b"x" * 64 * 1024, more=True)

    answers = []

    async def send(message):
        answers.append(message)

    headers = [("content-type", "application/json")]
    headers += [] if length is None else [("content-length", length)]
    await quick.endpoints(http("POST", "/sign-up/email", headers), receive, send)

    assert answers[0]["status"] == 413
    assert b"PAYLOAD_TOO_LARGE" in answers[1]["body"]
    assert read <= 17


async def test_a_body_of_just_the_limit_is_read(make_auth):
    async with browser(make_auth(request=RequestOptions(max_body=200)).wrap(whoami)) as client:
        body = CREDENTIALS.encode()
        assert (await client.post(SIGN_IN, content=body.ljust(200), headers=JSON)).status_code == 401
        assert (await client.post(SIGN_IN, content=body.ljust(201), headers=JSON)).status_code == 413


async def test_a_body_in_many_pieces_without_a_length_is_one_body(quick, member):
    pieces = [CREDENTIALS.encode()[start : start + 1] for start in range(len(CREDENTIALS))]
    events = [request(piece, more=True) for piece in pieces] + [request()]
    answer = await exchange(quick.endpoints, http("POST", "/sign-in/email", JSON.items()), *events)
    assert answer.status == 200


async def test_an_event_without_body_and_more_body_is_an_empty_body(quick):
    answer = await exchange(quick.endpoints, http("POST", "/sign-in/email", JSON.items()), {"type": "http.request"})
    assert answer.json()["message"] == "[body] Invalid input: expected object, received undefined"


@pytest.mark.parametrize("events", [[], [request(b'{"email":', more=True)]])
async def test_a_body_that_does_not_come_is_408(make_auth, events):
    options = RequestOptions(body_timeout=timedelta(milliseconds=20))
    app = make_auth(request=options).endpoints
    silence = [request(b"", more=True)]
    answer = await exchange(app, http("POST", "/sign-in/email", JSON.items()), *(events or silence))

    assert answer.status == 408
    assert answer.json() == {"message": "Request body took too long", "code": "REQUEST_TIMEOUT"}


async def test_a_body_that_trickles_in_is_408_as_well(make_auth):
    app = make_auth(request=RequestOptions(body_timeout=timedelta(milliseconds=30))).endpoints

    async def trickle():
        await asyncio.sleep(0.005)
        return request(b" ", more=True)

    answers = []

    async def send(message):
        answers.append(message)

    await app(http("POST", "/sign-in/email", JSON.items()), trickle, send)
    assert answers[0]["status"] == 408


async def test_a_client_that_goes_away_gets_no_answer_and_changes_nothing(auth):
    body = b'{"name":"A","email":"a@example.com","password":"correct horse battery"}'
    scope = http("POST", "/sign-up/email", JSON.items())
    answer = await exchange(auth.endpoints, scope, request(body, more=True), {"type": "http.disconnect"})

    assert answer.sent == []
    assert await auth.services.users.find_by_email("a@example.com") is None


async def test_a_request_cancelled_while_it_waits_changes_nothing(quick):
    task = asyncio.create_task(
        exchange(quick.endpoints, http("POST", "/sign-up/email", JSON.items()), request(b"{", more=True))
    )
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert (await exchange(quick.endpoints, http("GET", "/ok"))).status == 200


async def test_reading_asks_for_no_body(quick):
    async def never():
        raise AssertionError("read")

    answers = []

    async def send(message):
        answers.append(message)

    headers = [("content-type", "text/plain"), ("content-length", "9" * 30)]
    await quick.endpoints(http("GET", "/get-session", headers), never, send)
    assert (answers[0]["status"], answers[1]["body"]) == (200, b"null")


async def test_an_announced_foreign_type_is_refused_before_the_body_is_read(quick):
    async def never():
        raise AssertionError("read")

    for extra in [("content-length", "100000"), ("transfer-encoding", "chunked")]:
        answers = []

        async def send(message, answers=answers):
            answers.append(message)

        headers = [("content-type", f"multipart/form-data; boundary={'x' * 100_000}"), extra]
        await quick.endpoints(http("POST", "/sign-in/email", headers), never, send)
        assert answers[0]["status"] == 415


async def test_a_password_is_not_hashed_before_its_length_is_known_to_be_good(member):
    body = {"email": ADA["email"], "password": "x" * 1_000_000}
    assert (await member.post(SIGN_IN, json=body)).json()["code"] == "PASSWORD_TOO_LONG"
    assert (await me(member))["email"] == ADA["email"]


async def test_a_monstrous_address_is_no_address(guest):
    for address in ("a" * 50_000 + "@" + "b." * 50_000 + "c", "@" * 100_000, ("a." * 50_000) + "@x.test"):
        body = {"name": "A", "email": address, "password": PASSWORD}
        response = await guest.post("/api/auth/sign-up/email", json=body)
        assert response.json()["message"] == "[body.email] Invalid email address"
