import os
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from asgi_auth.crypto.workers import BoundedWorkers
from asgi_auth.errors import Overloaded


@pytest.fixture
def workers():
    workers = BoundedWorkers(workers=1, max_queue=1, name="test")
    yield workers
    workers.close()


def test_an_exception_goes_to_whoever_waits_and_the_thread_lives_on(workers):
    assert isinstance(workers.submit(lambda: 1 / 0).exception(30), ZeroDivisionError)
    assert workers.submit(sys.exit).exception(30).__class__ is SystemExit
    assert workers.submit(lambda: "alive").result(30) == "alive"


def test_no_more_than_the_workers_run_at_a_time():
    workers = BoundedWorkers(workers=3, max_queue=50, name="test")
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(30)
        with lock:
            running -= 1

    for future in [workers.submit(work) for _ in range(30)]:
        future.result(30)
    assert most == 3
    workers.close()


def test_closing_waits_for_the_work_accepted():
    workers = BoundedWorkers(workers=1, max_queue=5, name="test")
    gate, done = threading.Event(), []
    workers.submit(lambda: gate.wait(30))
    for number in range(5):
        workers.submit(lambda number=number: done.append(number))
    threading.Timer(0.05, gate.set).start()
    workers.close()
    assert done == [0, 1, 2, 3, 4]


def test_closing_twice_or_unused_is_nothing_and_work_after_it_starts_anew(workers):
    workers.close()
    assert workers.submit(lambda: 1).result(30) == 1
    workers.close()
    workers.close()
    assert workers.waiting == 0
    assert workers.submit(lambda: 2).result(30) == 2


def test_a_cancelled_future_is_not_run(workers):
    gate, ran = threading.Event(), []
    workers.submit(lambda: gate.wait(30))
    cancelled = workers.submit(lambda: ran.append(1))
    assert workers.waiting == 1
    assert cancelled.cancel()
    assert workers.waiting == 0
    gate.set()
    workers.close()
    assert ran == []
    with pytest.raises(CancelledError):
        cancelled.result(0)


def run_python(script):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)


def test_running_work_does_not_keep_the_interpreter_from_exiting():
    done = run_python(
        "import time\n"
        "from asgi_auth.crypto.workers import BoundedWorkers\n"
        "workers = BoundedWorkers(workers=1, max_queue=5, name='test')\n"
        "started = [workers.submit(lambda: time.sleep(3600)) for _ in range(3)]\n"
        "print('leaving')\n"
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "leaving", "")


def test_a_forked_child_has_threads_of_its_own():
    done = run_python(
        "import os\n"
        "from asgi_auth.crypto.workers import BoundedWorkers\n"
        "workers = BoundedWorkers(workers=1, max_queue=5, name='test')\n"
        "workers.submit(int).result(30)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(workers.submit(lambda: 7).result(30))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert (done.returncode, done.stdout.strip()) == (0, "7")


def test_workers_give_way_to_the_event_loop(workers):
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    lowered = workers.submit(niceness).result(30) - niceness()
    assert lowered == (min(10, 19 - niceness()) if sys.platform == "linux" else 0)


def test_work_is_refused_while_nobody_has_room(workers):
    gate = threading.Event()
    accepted = [workers.submit(lambda: gate.wait(30)) for _ in range(2)]
    with pytest.raises(Overloaded):
        workers.submit(int)
    gate.set()
    assert [future.result(30) for future in accepted] == [True, True]
    assert workers.submit(int).result(30) == 0


def test_a_system_without_threads_to_give_is_overloaded():
    done = run_python(
        "import resource, threading\n"
        "from asgi_auth.crypto.workers import BoundedWorkers\n"
        "from asgi_auth.errors import Overloaded\n"
        # the stacks run out long before anything else does: a thread that lacks memory for less would hang, not fail
        "threading.stack_size(256 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "try:\n"
        "    BoundedWorkers(workers=5000, max_queue=0, name='test').submit(int)\n"
        "except Overloaded:\n"
        "    print('refused')\n"
    )
    assert (done.returncode, done.stdout.strip()) == (0, "refused")
