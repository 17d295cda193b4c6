"""The keys of other issuers: when they are asked for, what is believed meanwhile, and when a token is forgotten."""

from __future__ import annotations

import asyncio
import socket
from contextvars import ContextVar
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from asgi_auth.errors import ConfigurationError, InvalidToken, Unavailable
from asgi_auth.features.jwt.issuer_keys import trusted
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.verifier import JWTVerifier
from asgi_auth.oauth.transport import Transport
from tests.servers.issuer import AUDIENCE, SUBJECT, new_key, public, with_header
from tests.support import PATIENCE, until

JWKS = "/api/auth/jwks"


async def stands(verifier, token):
    """The cell that a verified token rests on."""
    return (await verifier.verify(token)).standing.cell


async def test_keys_are_asked_for_once_however_many_wait(verifier, issuer):
    answers = await asyncio.gather(*(verifier.verify(issuer.token()) for _ in range(20)))
    assert {answer.subject for answer in answers} == {SUBJECT}
    await verifier.verify(issuer.token())
    assert issuer.requests == [JWKS]


async def test_nothing_is_asked_before_the_first_token(verifier, issuer):
    assert issuer.requests == []


async def test_those_who_wait_do_not_take_the_keys_from_each_other(verifier, issuer):
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def late(request):
        asked.set()
        await goes_on.wait()
        return JSONResponse({"keys": [public(key) for key in issuer.keys]})

    issuer.answers[JWKS] = late
    first = asyncio.create_task(verifier.verify(issuer.token()))
    await asked.wait()
    second = asyncio.create_task(verifier.verify(issuer.token()))
    await asyncio.sleep(0)
    first.cancel()
    goes_on.set()
    assert (await second).subject == SUBJECT
    assert first.cancelled()
    assert issuer.loads == 1


async def test_old_keys_are_used_while_new_ones_are_asked_for(verifier, issuer, clock):
    await verifier.verify(issuer.token())
    clock.advance(hours=1, seconds=1)
    goes_on = asyncio.Event()

    async def late(request):
        await goes_on.wait()
        return JSONResponse({"keys": [public(key) for key in issuer.keys]})

    issuer.answers[JWKS] = late
    for _ in range(3):
        await verifier.verify(issuer.token())
    await until(lambda: issuer.loads == 2)
    goes_on.set()


async def test_a_withdrawn_key_is_believed_no_longer_once_that_is_known(verifier, issuer, clock):
    token, withdrawn = issuer.token(exp=4102444800), issuer.keys[0]
    cell = await stands(verifier, token)
    issuer.keys = [new_key("second")]
    clock.advance(hours=1, seconds=1)
    await verifier.verify(token)
    await until(lambda: not cell.is_live)
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token(key=withdrawn))
    assert (await verifier.verify(issuer.token())).subject == SUBJECT


async def test_another_key_under_the_same_id_ends_what_rested_on_the_first(verifier, issuer, clock):
    token = issuer.token(exp=4102444800)
    cell = await stands(verifier, token)
    issuer.keys = [new_key("first")]
    clock.advance(hours=1, seconds=1)
    await verifier.verify(token)
    await until(lambda: not cell.is_live)
    with pytest.raises(InvalidToken):
        await verifier.verify(token)
    await verifier.verify(issuer.token())


async def test_a_key_that_stays_keeps_its_cell(verifier, issuer, clock):
    cell = await stands(verifier, issuer.token())
    end = cell.until
    issuer.keys.append(new_key("second"))
    clock.advance(seconds=11)
    await verifier.verify(issuer.token(key=issuer.keys[1]))
    assert await stands(verifier, issuer.token()) is cell
    assert (cell.is_live, cell.until) == (True, end + 11)


async def test_keys_that_come_back_get_another_cell(verifier, issuer, clock):
    first = issuer.keys
    cell = await stands(verifier, issuer.token())
    issuer.keys = [new_key("second")]
    clock.advance(seconds=11)
    await verifier.verify(issuer.token())
    issuer.keys = [*first, *issuer.keys]
    clock.advance(seconds=11)
    again = await stands(verifier, issuer.token())
    assert (cell.is_live, again.is_live) == (False, True)


async def test_a_token_is_remembered_no_longer_than_its_key_is_new(verifier, issuer, clock):
    known = await verifier.verify(issuer.token(exp=4102444800))
    loaded_at = clock().timestamp()
    assert known.standing.until == loaded_at + 3600
    assert known.standing.is_told is False
    clock.advance(hours=1, seconds=1)
    issuer.answers[JWKS] = PlainTextResponse("down", 503)
    stale = await verifier.verify(issuer.token(exp=4102444800))
    assert stale.standing.until == clock().timestamp() + 10


async def test_a_clock_that_is_put_back_makes_no_key_last_longer(verifier, issuer, clock):
    clock.advance(days=30)
    await verifier.verify(issuer.token())
    withdrawn, issuer.keys = issuer.keys[0], [new_key("second")]
    clock.advance(days=-30)
    await verifier.verify(issuer.token(key=withdrawn))  # as long as nobody has said otherwise
    await until(lambda: issuer.loads == 2)
    await verifier.verify(issuer.token())
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token(key=withdrawn))


async def test_a_clock_that_is_put_back_makes_no_outage_last_longer(verifier, issuer, clock):
    clock.advance(days=30)
    issuer.answers[JWKS] = PlainTextResponse("down", 503)
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.token())
    del issuer.answers[JWKS]
    clock.advance(days=-30)
    assert (await verifier.verify(issuer.token())).subject == SUBJECT


async def test_a_token_is_remembered_no_longer_than_it_lives(verifier, issuer, clock):
    now = int(clock().timestamp())
    known = await verifier.verify(issuer.token(exp=now + 300))
    assert (known.expires_at, known.standing.until) == (now + 300, now + 300 + 60)


async def test_a_new_key_is_found_when_a_token_names_it(verifier, issuer, clock):
    await verifier.verify(issuer.token())
    issuer.keys.insert(0, new_key("second"))
    clock.advance(seconds=11)
    await verifier.verify(issuer.token())
    assert issuer.loads == 2


async def test_a_flood_of_unknown_keys_asks_once_in_ten_seconds(verifier, issuer, clock):
    await verifier.verify(issuer.token())
    clock.advance(seconds=11)
    for _ in range(2):
        forged = [issuer.token(key=new_key(f"forged-{number}")) for number in range(30)]
        answers = await asyncio.gather(*map(verifier.verify, forged), return_exceptions=True)
        assert {type(answer) for answer in answers} == {InvalidToken}
    assert issuer.loads == 2
    clock.advance(seconds=11)
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token(key=new_key("forged")))
    assert issuer.loads == 3


async def test_a_flood_asks_once_in_ten_seconds_while_the_issuer_is_down(verifier, issuer, clock):
    await verifier.verify(issuer.token())
    clock.advance(seconds=11)
    issuer.answers[JWKS] = PlainTextResponse("down", 503)
    for _ in range(3):
        forged = [issuer.token(key=new_key(f"forged-{number}")) for number in range(10)]
        answers = await asyncio.gather(*map(verifier.verify, forged), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
    assert issuer.loads == 2
    assert (await verifier.verify(issuer.token())).subject == SUBJECT
    clock.advance(seconds=11)
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.token(key=new_key("forged")))
    assert issuer.loads == 3


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("down", 500),
        PlainTextResponse("busy", 429),
        PlainTextResponse("gone", 404),
        PlainTextResponse("who are you?", 401),
        RedirectResponse("https://evil.test/jwks", 302),
        PlainTextResponse("{"),
        PlainTextResponse("null"),
        PlainTextResponse("[]"),
        PlainTextResponse('{"keys": {}}'),
        PlainTextResponse('{"keys": NaN}'),
        PlainTextResponse("[" * 100_000),
        PlainTextResponse(" " * (1024 * 1024 + 1)),
    ],
    ids=range(12),
)
async def test_an_issuer_that_says_nothing_of_its_keys_is_no_verdict(verifier, issuer, clock, answer):
    issuer.answers[JWKS] = answer
    for _ in range(3):
        with pytest.raises(Unavailable) as fault:
            await verifier.verify(issuer.token())
        assert fault.value.retry_after == 10
    assert issuer.loads == 1
    del issuer.answers[JWKS]
    clock.advance(seconds=11)
    assert (await verifier.verify(issuer.token())).subject == SUBJECT


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://a..b/", "/jwks", "", 5])
async def test_a_discovery_document_without_a_place_to_ask_is_no_verdict(make_verifier, issuer, url):
    issuer.metadata["jwks_uri"] = url
    verifier = make_verifier(issuer, jwks_url=None)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await verifier.verify(issuer.token())
    assert issuer.requests == ["/.well-known/openid-configuration"]


async def test_an_issuer_that_is_not_there_is_no_verdict(make_verifier, issuer):
    with socket.socket() as bound:  # and nobody listens
        bound.bind(("127.0.0.1", 0))
        verifier = make_verifier(issuer, jwks_url=f"http://127.0.0.1:{bound.getsockname()[1]}/jwks")
        with pytest.raises(Unavailable):
            await verifier.verify(issuer.token())


async def test_what_is_no_token_in_any_case_is_refused_while_the_issuer_is_down(verifier, issuer, clock):
    issuer.answers[JWKS] = PlainTextResponse("down", 503)
    for token in (issuer.token(exp=1), issuer.token(aud="other"), issuer.token(iss="https://other.test"), "a.b.c"):
        with pytest.raises(InvalidToken):
            await verifier.verify(token)
    assert issuer.requests == []


async def test_keys_are_used_for_a_day_while_the_issuer_is_down(verifier, issuer, clock):
    token = issuer.token(exp=4102444800)
    cell = await stands(verifier, token)
    issuer.answers[JWKS] = PlainTextResponse("down", 503)
    for loads in (2, 3):
        clock.advance(hours=11, minutes=59)
        await verifier.verify(token)
        with pytest.raises(Unavailable):  # whoever needs the answer waits for it
            await verifier.verify(issuer.token(key=new_key("unknown")))
        assert issuer.loads == loads
    assert cell.until == clock().timestamp() + 120
    clock.advance(minutes=3)
    with pytest.raises(Unavailable):
        await verifier.verify(token)


async def test_old_keys_vouch_no_longer_than_they_are_used(verifier, issuer, clock):
    token = issuer.token(exp=4102444800)
    await verifier.verify(token)
    issuer.answers[JWKS] = PlainTextResponse("down", 503)
    clock.advance(hours=23, minutes=59, seconds=55)
    assert (await verifier.verify(token)).standing.until == clock().timestamp() + 5


async def test_closing_gives_up_what_is_under_way(make_verifier, issuer):
    verifier = make_verifier(issuer, timeout=timedelta(days=1))
    asked = asyncio.Event()

    async def never(request):
        asked.set()
        await asyncio.Event().wait()

    issuer.answers[JWKS] = never
    waiting = asyncio.create_task(verifier.verify(issuer.token()))
    await asked.wait()
    await verifier.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(waiting, PATIENCE)


class Names:
    """A resolver that knows loopback, until it does not; and who asked it."""

    def __init__(self):
        self.asked = []
        self.is_down = False
        self.whose = ContextVar("whose", default="nobody")

    async def resolve(self, *_):
        self.asked.append(self.whose.get())
        if self.is_down:
            raise OSError
        return ("127.0.0.1",)

    def verifier(self, issuer, clock):
        declared = Issuer(issuer.url, audience=AUDIENCE, jwks_url=issuer.jwks_url, allows_private_addresses=True)
        transport = Transport(timeout=timedelta(seconds=60), allows_private_addresses=True, resolve=self.resolve)
        return JWTVerifier([trusted(declared, clock=clock, transport=transport)], clock=clock)


async def test_keys_are_asked_for_on_behalf_of_nobody_in_particular(issuer, clock):
    names = Names()
    names.whose.set("the first who came")
    await names.verifier(issuer, clock).verify(issuer.token())
    assert names.asked == ["nobody"]


async def test_an_issuer_that_is_down_is_asked_once_in_ten_seconds_while_old_keys_are_used(issuer, clock):
    names = Names()
    verifier = names.verifier(issuer, clock)
    token = issuer.token(exp=4102444800)
    await verifier.verify(token)
    names.is_down = True
    clock.advance(hours=1, seconds=1)
    for attempts in (2, 3):
        for _ in range(20):
            await verifier.verify(token)
            for _ in range(20):
                await asyncio.sleep(0)  # whatever was begun goes on, and fails
        assert len(names.asked) == attempts
        clock.advance(seconds=11)


async def test_an_issuer_without_keys_has_signed_nothing(verifier, issuer):
    token, issuer.keys = issuer.token(), []
    with pytest.raises(InvalidToken):
        await verifier.verify(token)


async def test_a_token_need_not_name_the_only_key(verifier, issuer):
    token = no_kid(issuer)
    assert (await verifier.verify(token)).subject == SUBJECT


async def test_a_token_that_names_no_key_has_nobody_asked_again(verifier, issuer, clock):
    await verifier.verify(issuer.token())
    key = {**ECKey.generate_key("P-256").as_dict(private=True), "alg": "ES256"}
    for _ in range(3):
        clock.advance(seconds=11)
        with pytest.raises(InvalidToken):
            await verifier.verify(with_header({"alg": "ES256"}, issuer.claims(), key))
    assert issuer.loads == 1


async def test_a_token_must_name_one_of_several_keys(verifier, issuer):
    token = no_kid(issuer)
    issuer.keys.append(new_key("second"))
    with pytest.raises(InvalidToken):
        await verifier.verify(token)
    await verifier.verify(issuer.token())


async def test_an_id_that_two_keys_have_is_nobodys(verifier, issuer):
    issuer.keys.append(new_key("first"))
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token())


def no_kid(issuer):
    return with_header({"alg": "EdDSA"}, issuer.claims(), issuer.keys[0])


async def test_the_discovery_document_tells_where_the_keys_are(make_verifier, issuer):
    verifier = make_verifier(issuer, jwks_url=None)
    assert (await verifier.verify(issuer.token())).subject == SUBJECT
    assert issuer.requests == ["/.well-known/openid-configuration", JWKS]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.test"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 1},
        {"jwks_uri": "ftp://127.0.0.1/keys"},
        {"jwks_uri": "not a url"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
    ids=str,
)
async def test_a_discovery_document_of_another_issuer_is_none(make_verifier, issuer, metadata):
    issuer.metadata = metadata
    with pytest.raises(Unavailable):
        await make_verifier(issuer, jwks_url=None).verify(issuer.token())
    assert issuer.loads == 0


async def test_no_request_goes_to_a_private_address_unless_that_is_allowed(issuer, clock):
    declared = Issuer(issuer.url, audience=AUDIENCE, jwks_url=issuer.jwks_url.replace("http:", "https:"))
    verifier = JWTVerifier([trusted(declared, clock=clock)], clock=clock)
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.token())
    assert issuer.requests == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"audience": ""}, "audience"),
        ({"audience": ()}, "audience"),
        ({"audience": ("a", "")}, "audience"),
        ({"audience": None}, "audience"),
        ({"jwks_url": "http://a.test/jwks"}, "https"),
        ({"jwks_url": "https://me:secret@a.test/jwks"}, "without a user"),
        ({"jwks_url": "https://a.test/jwks#x"}, "fragment"),
        ({"jwks_url": "https://"}, "URL"),
        ({"jwks_url": "ftp://a.test", "allows_private_addresses": True}, "http://"),
        ({"algorithms": ("HS256",)}, "algorithms"),
        ({"algorithms": ("none",)}, "algorithms"),
        ({"algorithms": ()}, "algorithms"),
        ({"types": ()}, "types"),
        ({"tolerance": timedelta(minutes=11)}, "tolerance"),
        ({"tolerance": timedelta(seconds=-1)}, "tolerance"),
        ({"key_lifetime": timedelta()}, "key_lifetime"),
        ({"key_lifetime": timedelta(days=2)}, "longest_key_lifetime"),
        ({"timeout": timedelta()}, "timeout"),
    ],
    ids=str,
)
def test_an_issuer_that_cannot_work_is_not_built(options, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        Issuer("https://issuer.test", **{"audience": AUDIENCE, **options})


@pytest.mark.parametrize("url", ["", "http://issuer.test", "issuer", None])
def test_an_issuer_whose_keys_are_to_be_discovered_has_a_secure_url(url):
    with pytest.raises(ConfigurationError):
        Issuer(url, audience=AUDIENCE)


def test_lists_serve_as_tuples():
    listed = Issuer("https://issuer.test", audience=["a", "b"], algorithms=["ES256"], types=["JWT"])
    assert listed == Issuer("https://issuer.test", audience=("a", "b"), algorithms=("ES256",), types=("JWT",))
    assert len({listed}) == 1


def test_an_issuer_is_declared_once(clock):
    declared = Issuer("https://issuer.test", audience=AUDIENCE)
    with pytest.raises(ConfigurationError, match="once"):
        JWTVerifier([trusted(declared, clock=clock), trusted(declared, clock=clock)], clock=clock)
