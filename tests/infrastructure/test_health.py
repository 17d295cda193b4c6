"""Checks are asked together, once for all who ask, and one that hangs is never asked twice at once."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from asgi_auth import ConfigurationError, Unavailable
from asgi_auth.infrastructure.health import Health, HealthCheck


class Patient:
    """Something that is asked; it fails, or hangs, as told."""

    def __init__(self):
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.under_way = 0
        self.most_at_once = 0
        self.error = None
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.clings = False

    async def ask(self):
        self.asked += 1
        self.was_asked.set()
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await self._answer()
        finally:
            self.under_way -= 1
        if self.error is not None:
            raise self.error

    async def _answer(self):
        while not self.let_go.is_set():
            try:
                await self.let_go.wait()
            except asyncio.CancelledError:
                if not self.clings:
                    raise


class Seconds:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def patient():
    return Patient()


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
async def health(patient, seconds):
    health = Health(seconds=seconds)
    health.timeout = 60
    health.add(HealthCheck(name="patient", ask=patient.ask))
    yield health
    patient.let_go.set()
    await health.close()


async def test_all_is_well_where_everything_answers(health):
    health.add(HealthCheck(name="other", ask=Patient().ask, is_vital=False))
    report = await health.report()
    assert report.status == "up"
    assert {name: result.error for name, result in report.checks.items()} == {"patient": None, "other": None}
    assert all(result.milliseconds >= 0 for result in report.checks.values())


@pytest.mark.parametrize(
    ("is_vital", "is_other_down", "status"),
    [(True, False, "down"), (False, False, "degraded"), (False, True, "down"), (True, True, "down")],
)
async def test_what_is_vital_decides(health, patient, is_vital, is_other_down, status):
    other = Patient()
    other.error = LookupError("secret")
    patient.error = Unavailable() if is_other_down else None
    health.add(HealthCheck(name="other", ask=other.ask, is_vital=is_vital))
    assert (await health.report()).status == status


@pytest.mark.parametrize(
    ("error", "trouble"), [(Unavailable(), "unavailable"), (LookupError("a"), "failed"), (TimeoutError(), "timeout")]
)
async def test_trouble_is_told_by_its_kind(health, patient, error, trouble):
    patient.error = error
    assert (await health.report()).checks["patient"].trouble == trouble


async def test_many_who_ask_at_once_share_one_answer(health, patient):
    patient.let_go.clear()
    asking = [asyncio.create_task(health.report()) for _ in range(100)]
    await patient.was_asked.wait()
    patient.let_go.set()
    reports = await asyncio.gather(*asking)
    assert patient.asked == 1
    assert all(report is reports[0] for report in reports)


async def test_an_answer_holds_for_a_second(health, patient, seconds):
    first = await health.report()
    seconds.now += 0.9
    assert await health.report() is first
    seconds.now += 0.1
    assert await health.report() is not first
    assert patient.asked == 2


async def test_a_clock_that_is_set_back_makes_no_answer_last(health, patient, seconds):
    await health.report()
    seconds.now -= 1000
    await health.report()
    assert patient.asked == 2


async def test_whoever_goes_away_takes_nobody_with_them(health, patient):
    patient.let_go.clear()
    one, two = asyncio.create_task(health.report()), asyncio.create_task(health.report())
    await patient.was_asked.wait()
    one.cancel()
    await asyncio.wait({one})
    patient.let_go.set()
    assert (await two).status == "up"
    assert patient.asked == 1


async def test_what_does_not_answer_counts_as_down_and_is_not_asked_again_meanwhile(health, patient):
    health.timeout = 0.01
    patient.let_go.clear()
    patient.clings = True
    for _ in range(5):
        report = await health.ask()
        assert report.checks["patient"].trouble == "timeout"
    assert (patient.asked, patient.most_at_once) == (1, 1)
    health.timeout = 60
    patient.let_go.set()
    while (await health.ask()).status != "up":
        pass
    assert patient.most_at_once == 1


async def test_a_change_is_logged_once(health, patient):
    with structlog.testing.capture_logs() as logs:
        for error in (None, Unavailable("secret"), Unavailable("secret"), None, None):
            patient.error = error
            await health.ask()
    assert [entry["event"] for entry in logs] == ["health.down", "health.up"]
    assert logs[0]["error"] == "Unavailable"
    assert "secret" not in repr(logs)


async def test_a_name_is_given_once(health):
    with pytest.raises(ConfigurationError, match="patient"):
        health.add(HealthCheck(name="patient", ask=Patient().ask))


async def test_closing_ends_what_is_being_asked_and_it_may_be_asked_again(health, patient):
    patient.let_go.clear()
    asking = asyncio.create_task(health.report())
    await patient.was_asked.wait()
    await health.close()
    await asyncio.wait({asking})
    assert (patient.under_way, asking.cancelled()) == (0, True)
    patient.let_go.set()
    assert (await health.report()).status == "up"
