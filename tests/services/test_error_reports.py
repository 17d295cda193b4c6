"""Whoever watches over errors is told of them, beside the request and whatever becomes of the telling."""

from __future__ import annotations

import asyncio
import threading
import traceback
from contextlib import suppress

import pytest

from asgi_auth import Auth, AuthConfig, Feature, Unavailable
from asgi_auth.endpoints.routing import Endpoints, get
from asgi_auth.infrastructure import error_reports
from asgi_auth.infrastructure.error_reports import MOST_AT_ONCE, MOST_PER_SECOND
from tests.endpoints.wire import Exchange, exchange, http
from tests.middleware.people import break_database, welcome
from tests.support import SECRET, whoami

PATIENCE = 60


class Broken(Endpoints):
    @get("/broken")
    async def broken(self, call):  # noqa: ARG002  (the handlers' signature)
        raise LookupError("a text that may hold anything")

    @get("/fault")
    async def fault(self, call):  # noqa: ARG002  (the handlers' signature)
        raise Unavailable from OSError("a text that may hold anything")


class BrokenFeature(Feature):
    name = "broken"

    def endpoints(self, services):  # noqa: ARG002  (a socket's signature)
        return [Broken()]


class Tracker:
    """Keeps what it is told, in whichever way it is called."""

    def __init__(self):
        self.told = []

    def __call__(self, error, scope):
        self.told.append((error, scope))

    async def later(self, error, scope):
        await asyncio.sleep(0)
        self(error, scope)

    async def until(self, count):
        async with asyncio.timeout(PATIENCE):
            while len(self.told) < count:  # noqa: ASYNC110  (a thread tells)
                await asyncio.sleep(0.01)
        return self.told


@pytest.fixture
def tracker():
    return Tracker()


async def ask(auth, path):
    """The answer, whatever is raised beside it."""
    sent = []

    async def send(message):
        sent.append(message)

    with suppress(LookupError):
        await auth.endpoints(http(path=path), None, send)
    return Exchange(sent)


@pytest.mark.parametrize("hook", ["__call__", "later"])
async def test_an_unexpected_exception_is_told_to_functions_and_to_coroutine_functions(make_auth, tracker, hook):
    auth = make_auth(features=[BrokenFeature()], on_error=getattr(tracker, hook))
    assert (await ask(auth, "/broken")).status == 500
    ((error, scope),) = await tracker.until(1)
    assert type(error).__name__ == "LookupError"
    assert (scope["method"], scope["path"]) == ("GET", "/broken")


async def test_a_function_that_returns_something_to_wait_for_is_waited_for(make_auth, tracker):
    def hook(error, scope):
        return tracker.later(error, scope)

    auth = make_auth(features=[BrokenFeature()], on_error=hook)
    await ask(auth, "/broken")
    await tracker.until(1)


async def test_it_tells_where_in_the_code_it_happened(make_auth, tracker):
    auth = make_auth(features=[BrokenFeature()], on_error=tracker)
    await ask(auth, "/broken")
    ((error, _),) = await tracker.until(1)
    places = traceback.extract_tb(error.__traceback__)
    assert places[-1].name == "broken"
    assert places[-1].line == 'raise LookupError("a text that may hold anything")'
    assert "_answer" in [place.name for place in places]
    written = "".join(traceback.format_exception(error))
    assert "test_error_reports.py" in written


async def test_a_fault_is_told_with_its_cause(make_auth, tracker):
    auth = make_auth(features=[BrokenFeature()], on_error=tracker)
    assert (await ask(auth, "/fault")).status == 503
    ((error, _),) = await tracker.until(1)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 1
    assert type(error.__cause__).__name__ == "OSError"


async def test_a_fault_of_the_database_is_told_with_what_the_driver_said(make_auth, tracker, database_url):
    auth = make_auth(on_error=tracker, database=database_url)
    ada = await welcome(auth)
    await break_database(auth)
    answer = await exchange(auth.endpoints, http(path="/list-sessions", headers=[ada.cookie]))
    assert answer.status == 503
    ((error, scope), *_) = await tracker.until(1)
    assert isinstance(error, Unavailable)
    assert type(error.__cause__).__module__.partition(".")[0] in ("sqlite3", "asyncpg")
    assert scope["path"] == "/list-sessions"


async def test_refusals_are_nobodys_errors(make_auth, tracker):
    auth = make_auth(features=[BrokenFeature()], on_error=tracker)
    assert (await ask(auth, "/list-sessions")).status == 401
    assert (await ask(auth, "/nowhere")).status == 404
    await ask(auth, "/broken")
    assert len(await tracker.until(1)) == 1


async def test_a_hook_that_raises_changes_no_answer(make_auth, capsys):
    def failing(error, scope):
        raise ZeroDivisionError("canary")

    async def failing_later(error, scope):
        raise ZeroDivisionError("canary")

    for hook in (failing, failing_later):
        auth = make_auth(features=[BrokenFeature()], on_error=hook)
        assert (await ask(auth, "/broken")).status == 500
        assert (await ask(auth, "/fault")).status == 503
        await auth.services.error_reports.close()
        printed = capsys.readouterr().out
        assert printed.count("error_report.failed") == 2
        assert "canary" not in printed


async def test_hooks_that_hang_hold_up_no_answer_and_no_more_threads_than_a_few(make_auth, monkeypatch):
    monkeypatch.setattr(error_reports, "MOST_PER_SECOND", 10_000)
    release, called = threading.Event(), []

    def hanging(error, scope):
        called.append(error)
        release.wait()

    auth = make_auth(features=[BrokenFeature()], on_error=hanging)
    for _ in range(3 * MOST_AT_ONCE):
        assert (await ask(auth, "/fault")).status == 503
    threads = [thread for thread in threading.enumerate() if thread.name == "asgi_auth error report"]
    assert len(threads) == MOST_AT_ONCE
    assert all(thread.daemon for thread in threads)
    release.set()
    await auth.services.error_reports.close()
    assert len(called) == MOST_AT_ONCE


async def test_a_hook_that_wants_to_end_the_process_ends_its_own_report(make_auth, monkeypatch, capsys):
    monkeypatch.setattr(error_reports, "MOST_PER_SECOND", 10_000)
    called = []

    def ending(error, scope):
        called.append(error)
        raise SystemExit

    auth = make_auth(features=[BrokenFeature()], on_error=ending)
    for _ in range(MOST_AT_ONCE + 1):
        await ask(auth, "/fault")
        await auth.services.error_reports.close()
    assert len(called) == MOST_AT_ONCE + 1
    assert capsys.readouterr().out.count("SystemExit") == MOST_AT_ONCE + 1


async def test_a_coroutine_that_hangs_is_given_up(make_auth, monkeypatch, capsys):
    monkeypatch.setattr(error_reports, "TIMEOUT", 0.01)
    monkeypatch.setattr(error_reports, "CLOSING_TIME", PATIENCE)

    async def hanging(error, scope):
        await asyncio.Event().wait()

    auth = make_auth(features=[BrokenFeature()], on_error=hanging)
    assert (await ask(auth, "/fault")).status == 503
    await auth.services.error_reports.close()
    assert "TimeoutError" in capsys.readouterr().out


async def test_of_a_storm_a_few_a_second_are_told(make_auth, tracker, monkeypatch):
    monkeypatch.setattr(error_reports, "monotonic", lambda: 1000.0)
    auth = make_auth(features=[BrokenFeature()], on_error=tracker)
    for _ in range(5 * MOST_PER_SECOND):
        await ask(auth, "/fault")
    await auth.services.error_reports.close()
    assert len(tracker.told) == MOST_PER_SECOND
    monkeypatch.setattr(error_reports, "monotonic", lambda: 1001.0)
    await ask(auth, "/fault")
    await tracker.until(MOST_PER_SECOND + 1)


async def test_without_a_hook_nothing_is_made_of_it(make_auth):
    auth = make_auth(features=[BrokenFeature()])
    before = set(threading.enumerate())  # one of an earlier test may not have ended yet
    await ask(auth, "/broken")
    assert "asgi_auth error report" not in {thread.name for thread in set(threading.enumerate()) - before}


def test_an_event_loop_that_ended_over_a_report_does_not_block_those_of_the_next(tracker):
    release = threading.Event()

    def hanging(error, scope):
        release.wait()
        return tracker.later(error, scope)

    auth = Auth(AuthConfig.testing(secret=SECRET), features=[BrokenFeature()], on_error=hanging)

    async def fail():
        await ask(auth, "/fault")

    asyncio.run(fail())
    release.set()
    for thread in threading.enumerate():
        if thread.name == "asgi_auth error report":
            thread.join()

    async def fail_again():
        await ask(auth, "/fault")
        await tracker.until(1)
        await auth.services.close()

    asyncio.run(fail_again())


async def test_errors_and_faults_of_the_endpoints_are_counted(make_auth, figures):
    auth = make_auth(features=[BrokenFeature()], metrics=figures)
    for path in ("/broken", "/fault", "/fault"):
        await ask(auth, path)
    assert figures.counts.count(("auth.request.error", {})) == 1
    assert figures.counts.count(("auth.request.fault", {"kind": "endpoint"})) == 2


async def test_the_application_behind_is_none_of_its_business(make_auth, tracker):
    async def broken(scope, receive, send):
        raise ZeroDivisionError

    auth = make_auth(on_error=tracker)
    with pytest.raises(ZeroDivisionError):
        await exchange(auth.wrap(broken), http())
    assert (await exchange(auth.wrap(whoami), http())).status == 200
    await auth.services.error_reports.close()
    assert tracker.told == []
