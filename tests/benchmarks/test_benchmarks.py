"""Each benchmark runs and tells what it found; how fast anything is, is not a test's business."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ["cache", "enumeration", "hashing", "identify", "revocation"]


@pytest.fixture(scope="module", params=NAMES)
def found(request, tmp_path_factory, postgres_server, redis_server):
    """The JSON that one benchmark writes, on the servers of the tests."""
    servers = {"ASGI_AUTH_TEST_POSTGRES": postgres_server.url, "ASGI_AUTH_TEST_REDIS": redis_server.url}
    file = tmp_path_factory.mktemp("benchmark") / "figures.json"
    command = [sys.executable, "-m", f"benchmarks.{request.param}", "--quick", "--json", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600, env={**os.environ, **servers}
    )
    assert done.returncode == 0, done.stderr
    assert request.param in done.stdout
    return {"name": request.param, **json.loads(file.read_text())}


def test_a_benchmark_tells_what_was_measured_on_which_machine(found):
    assert found["benchmark"] == found["name"]
    assert found["is_quick"] is True
    assert {"cpu", "cores", "python", "uvicorn"} <= set(found["machine"])
    assert found["rows"]
    assert all(isinstance(row, dict) and len(row) > 1 for row in found["rows"])


def test_a_benchmark_judges_each_of_its_goals_by_what_it_measured(found):
    assert found["goals"]
    for goal in found["goals"]:
        bounds = [goal["at_least"], goal["at_most"]]
        assert any(bound is not None for bound in bounds)
        assert isinstance(goal["measured"], float)
        assert isinstance(goal["is_met"], bool)


def test_what_is_promised_of_each_server_is_judged_where_the_server_is_there(found):
    judged = {goal["figure"] for goal in found["goals"]}
    wanted = {
        "identify": {"cold sessions on Postgres, of asyncpg's pool"},
        "revocation": {"postgres, revoked: refused by all, p99", "postgres and redis, revoked: refused by all, p99"},
    }
    assert wanted.get(found["name"], set()) <= judged
