"""What error trackers are told holds no secret, however they look at it: sentences, variables, headers, URLs."""

from __future__ import annotations

import gc
import traceback
from contextlib import suppress
from urllib.parse import quote

import pytest

from asgi_auth import Feature, SessionMiddleware, Unavailable
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.infrastructure.redaction import redacted_error, redacted_scope
from tests.endpoints.wire import exchange, http, request
from tests.middleware.people import break_database, welcome
from tests.security.canaries import leaks
from tests.services.test_error_reports import Tracker
from tests.support import SESSION_COOKIE

PASSWORD = "canary/password?one+1"
TOKEN = "canary-token-0123456789"
KEY = "canary-api-key-0123456789"
SECRETS = {"password": PASSWORD, "token": TOKEN, "key": KEY}
JSON = ("content-type", "application/json")


class StoredSecret(ValueError):
    def __init__(self, secret):
        super().__init__(f"cannot read {secret}")
        self.secret = secret


class Broken(Endpoints):
    @post("/broken/{token}")
    async def broken(self, call):
        password = call.record()["password"]
        cause = StoredSecret(password)
        cause.add_note(password)
        raise KeyError(call.path_param("token")) from cause

    @get("/fault")
    async def fault(self, call):  # noqa: ARG002  (the handlers' signature)
        raise Unavailable from StoredSecret(PASSWORD)


class BrokenFeature(Feature):
    name = "broken"

    def endpoints(self, services):  # noqa: ARG002  (a socket's signature)
        return [Broken()]


def everything_in(error):
    """All that a tracker could write down: of the exception, of its causes, and of every frame they come from."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield from ("".join(traceback.format_exception(error)), repr(error), repr(vars(error)), repr(error.args))
        yield repr(getattr(error, "__notes__", None))
        step = error.__traceback__
        while step is not None:
            frame = step.tb_frame
            while frame is not None:
                yield from (repr(frame.f_locals), repr(frame.f_globals), repr(frame.f_code.co_consts))
                frame = frame.f_back
            step = step.tb_next
        error = error.__cause__ or error.__context__


def written(tracker):
    return "\n".join(part for error, scope in tracker.told for part in (*everything_in(error), repr(scope)))


async def told_of(auth, tracker, scope, *messages, count=1):
    with suppress(KeyError):
        await exchange(auth.endpoints, scope, *messages)
    await tracker.until(count)


@pytest.fixture
def tracker():
    return Tracker()


async def test_nothing_of_a_request_that_failed_is_told_but_where_it_failed(make_auth, tracker):
    auth = make_auth(features=[BrokenFeature()], on_error=tracker)
    headers = [
        JSON,
        ("cookie", f"{SESSION_COOKIE}={TOKEN}; other={quote(PASSWORD)}"),
        ("authorization", f"Bearer {TOKEN}"),
        ("x-api-key", KEY),
        ("x-other-secret", KEY),
        ("proxy-authorization", f"Basic {KEY}"),
        ("sec-websocket-protocol", TOKEN),
        ("referer", f"http://app.test/reset?token={TOKEN}"),
        ("origin", "http://app.test"),
        ("user-agent", "a browser"),
    ]
    query = f"token={TOKEN}&code={TOKEN}&state={TOKEN}&callbackURL=/x%3Ftoken={TOKEN}&{TOKEN}&a={PASSWORD}"
    scope = http("POST", f"/broken/{TOKEN}", headers, query_string=query.encode())
    await told_of(auth, tracker, scope, request(f'{{"password": "{PASSWORD}"}}'.encode()))
    ((error, shown),) = tracker.told
    assert leaks(written(tracker), SECRETS) == []
    assert type(error).__name__ == "KeyError"
    assert type(error.__cause__).__name__ == "StoredSecret"
    assert shown["path"] == "/broken/{token}"
    assert shown["query_string"].startswith(b"token=[redacted]&code=[redacted]&state=[redacted]&callbackURL=[redacted]")
    assert dict(shown["headers"])[b"user-agent"] == b"a browser"
    assert {name for name, _ in shown["headers"]} >= {b"cookie", b"authorization", b"x-api-key"}


async def test_the_cause_of_a_fault_keeps_its_secrets(make_auth, tracker):
    auth = make_auth(features=[BrokenFeature()], on_error=tracker)
    await told_of(auth, tracker, http(path="/fault"))
    ((error, _),) = tracker.told
    assert "Service temporarily unavailable" in str(error)
    assert leaks(written(tracker), SECRETS) == []


async def test_what_a_database_complains_of_holds_no_secret(make_auth, tracker, database_url):
    auth = make_auth(database=database_url, on_error=tracker)
    ada = await welcome(auth)
    await break_database(auth)
    for number, header in enumerate((ada.cookie, ada.bearer), start=1):
        await told_of(auth, tracker, http(path="/list-sessions", headers=[header]), count=number)
    assert leaks(written(tracker), {"token": ada.token, "cookie": ada.cookie[1]}) == []


async def test_the_copy_leads_back_to_nothing_of_the_request(make_auth):
    def fails(secret):
        holder = {"secret": secret}
        raise StoredSecret(holder["secret"])

    try:
        fails(PASSWORD)
    except StoredSecret as error:
        shown = redacted_error(error)
    reached, waiting = set(), [shown]
    while waiting:
        thing = waiting.pop()
        if id(thing) in reached or isinstance(thing, type(traceback)):
            continue
        reached.add(id(thing))
        assert thing != PASSWORD
        waiting += [found for found in gc.get_referents(thing) if not isinstance(found, type)]
    assert len(reached) > 5


async def test_a_request_that_nobody_has_routed_yet_is_told_without_what_looks_like_a_secret(make_auth, tracker):
    auth = make_auth(on_error=tracker)
    ada = await welcome(auth)
    await break_database(auth)
    site = SessionMiddleware(auth.endpoints, auth.services)  # in front of whatever routes below it
    for count, path in enumerate((f"/api/auth/reset-password/{TOKEN}", f"/invitations/{ada.token}"), start=1):
        await exchange(site, http(path=path, headers=[ada.cookie]))
        await tracker.until(count)
    assert leaks(written(tracker), {**SECRETS, "session": ada.token}) == []
    assert [scope["path"].rpartition("/")[2] for _, scope in tracker.told] == ["[redacted]", "[redacted]"]


def test_what_was_noted_on_an_error_is_not_shown():
    error = Unavailable("kept")
    error.add_note(PASSWORD)
    shown = redacted_error(error)
    assert str(shown) == "kept"
    assert PASSWORD not in "".join(everything_in(shown))


def test_nothing_is_compiled_to_show_a_deep_recursion(monkeypatch):
    def endless():
        endless()

    def compiling(*given, **named):
        raise AssertionError("this takes tens of milliseconds, in which nobody else is served")

    with pytest.raises(RecursionError) as caught:
        endless()
    with monkeypatch.context() as patched:
        patched.setattr("builtins.compile", compiling)
        shown = redacted_error(caught.value)
    assert traceback.extract_tb(shown.__traceback__) == traceback.extract_tb(caught.value.__traceback__)
    assert len(traceback.extract_tb(shown.__traceback__)) > 500


def test_exceptions_of_every_kind_can_be_shown():
    class Odd(Exception):
        def __init__(self, *, needed):
            super().__init__()
            self.needed = needed

        def __str__(self):
            return self.missing

    class Sealed(BaseException):
        __slots__ = ()

        def __new__(cls, needed):  # noqa: ARG004
            return super().__new__(cls)

    group = ExceptionGroup("canary", [ValueError("canary")])
    decoding = UnicodeDecodeError("utf-8", b"canary", 0, 1, "canary")
    for error in (Odd(needed=1), Sealed(1), group, decoding, OSError(2, "canary", "canary"), Unavailable("kept")):
        shown = redacted_error(error)
        assert type(shown).__name__ == type(error).__name__
        assert "canary" not in "".join(everything_in(shown))


def test_a_circle_of_causes_comes_to_an_end():
    one, two = ValueError("canary"), KeyError("canary")
    one.__cause__, two.__cause__ = two, one
    assert len(list(everything_in(redacted_error(one)))) < 100


def test_the_scope_that_is_shown_is_a_copy_of_the_harmless_parts():
    scope = http(headers=[("cookie", TOKEN)], path_params={"id": ""}, app=object(), state={"x": TOKEN}, auth=TOKEN)
    shown = redacted_scope(scope)
    assert set(shown) <= {
        *("type", "asgi", "http_version", "method", "scheme", "client", "server"),
        *("path", "raw_path", "root_path", "headers", "query_string"),
    }
    assert TOKEN not in repr(shown)
    assert scope["headers"][0] == (b"cookie", TOKEN.encode())


def test_a_scope_with_hardly_anything_in_it_is_shown():
    assert redacted_scope({"type": "websocket"})["path"] == ""
