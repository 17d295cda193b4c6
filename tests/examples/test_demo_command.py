"""``python -m examples.demo``, run as a person runs it: what it says, what it keeps, how it ends."""

import os
import re
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.servers.machine import free_port, running

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "examples.demo"]


def test_it_serves_the_page_and_tells_where(tmp_path, ada):
    port = free_port()
    with _demo(tmp_path, "--port", str(port)) as url:
        assert url == f"http://127.0.0.1:{port}"
        page = httpx.get(url, timeout=60)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<title>asgi_auth demo</title>" in page.text
        assert httpx.post(f"{url}/api/auth/sign-up/email", json=ada, timeout=60).status_code == 200
        assert httpx.get(f"{url}/me", timeout=60).status_code == 401
        assert httpx.get(f"{url}/nowhere", timeout=60).status_code == 404
    printed = (tmp_path / "log").read_text()
    assert "Ctrl-C ends the demo" in printed
    assert "Traceback" not in printed


def test_the_environment_may_say_where(tmp_path):
    port = free_port()
    with _demo(tmp_path, HOST="localhost", PORT=str(port)) as url:
        assert url == f"http://localhost:{port}"
        assert httpx.get(url, timeout=60).status_code == 200


def test_a_second_one_on_the_same_port_says_so_in_one_sentence(tmp_path):
    port = free_port()
    with _demo(tmp_path, "--port", str(port)):
        second = _refused(tmp_path, "--port", str(port))
    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr == (
        f"Port {port} of 127.0.0.1 is in use: end the program that has it, or choose another with --port.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "70000"], "A port is a number from 0 to 65535, not 70000."),
        (["--host", "192.0.2.1"], "Cannot listen on port 8000 of 192.0.2.1: "),
        (["--host", "nowhere.invalid"], "Cannot listen on port 8000 of nowhere.invalid: "),
    ],
)
def test_an_impossible_address_is_told_in_one_sentence(arguments, sentence, tmp_path):
    refused = _refused(tmp_path, *arguments)
    assert refused.returncode == 1
    assert refused.stderr.startswith(sentence)
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / ".demo").exists()


def test_a_folder_that_cannot_be_made_is_told_in_one_sentence(tmp_path):
    (tmp_path / ".demo").write_text("a file is in the way")
    refused = _refused(tmp_path, "--port", "0")
    assert refused.returncode == 1
    assert refused.stderr == "The demo cannot keep its data in .demo/: File exists.\n"


def test_its_secret_is_for_its_owner_alone_and_a_restart_signs_nobody_out(tmp_path, ada):
    with httpx.Client(timeout=60) as client:
        with _demo(tmp_path, "--port", "0") as url:
            client.post(f"{url}/api/auth/sign-up/email", json=ada)
        secret = tmp_path / ".demo" / "secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert len(secret.read_text()) >= 32
        with _demo(tmp_path, "--port", "0") as url:
            assert client.get(f"{url}/me").json() == {"name": "Ada", "email": "ada@example.com"}


def test_two_demos_have_two_secrets(tmp_path):
    secrets = set()
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        with _demo(tmp_path / name, "--port", "0"):
            secrets.add((tmp_path / name / ".demo" / "secret").read_text())
    assert len(secrets) == 2


def test_its_folder_is_ignored_by_git():
    assert ".demo/" in (ROOT / ".gitignore").read_text().splitlines()


def test_ctrl_c_ends_it_quietly_although_a_browser_is_connected(tmp_path):
    with subprocess.Popen(
        [*DEMO, "--port", "0"],
        cwd=tmp_path,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        url = re.search(r"http://\S+", demo.stdout.readline())[0]
        with httpx.Client(base_url=url, timeout=60) as browser:
            assert browser.get("/").status_code == 200
            demo.send_signal(signal.SIGINT)
            _, complaints = demo.communicate(timeout=30)
    assert demo.returncode == 0
    assert complaints == ""


@contextmanager
def _demo(folder, *arguments, **variables):
    ready, log = r"demo is at (\S+)\n", folder / "log"
    with running([*DEMO, *arguments], ready=ready, log=log, cwd=folder, env=_environment() | variables) as printed:
        yield printed[1]


def _refused(folder, *arguments):
    return subprocess.run(
        [*DEMO, *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def _environment():
    """This environment without a HOST and PORT of its own; the demo's folder is made where the command is run."""
    kept = {name: value for name, value in os.environ.items() if name not in {"HOST", "PORT"}}
    return kept | {"PYTHONPATH": str(ROOT)}
