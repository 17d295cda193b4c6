"""``python -m examples.demo``: the demo, served on this machine until Ctrl-C."""

import argparse
import errno
import logging
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import structlog
import uvicorn

from examples.demo.app import create_app

FOLDER = Path(".demo")

WELCOME = """\
asgi_auth's demo is at {url}

  Open it and create an account: any address will do, letters are shown on the page instead of being sent.
  Then sign in from a second browser, or with curl, and end that session from the first one.
  Users and sessions are in {folder}/: delete it to start afresh. Ctrl-C ends the demo.
"""


def main() -> None:
    """Serve the demo; where that cannot be, say why in one sentence and exit with 1."""
    chosen = parse_arguments()
    listening = listen(chosen.host, chosen.port)
    try:
        app = create_app(FOLDER, base_url=url_of(chosen.host, listening))
    except OSError as error:
        sys.exit(f"The demo cannot keep its data in {FOLDER}/: {error.strerror}.")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    config = uvicorn.Config(
        app,
        log_level="warning",
        proxy_headers=False,  # no proxy stands in front, so nobody may say where a request comes from
        timeout_graceful_shutdown=3,
    )
    with suppress(KeyboardInterrupt):
        print(WELCOME.format(url=url_of(chosen.host, listening), folder=FOLDER), flush=True)
        uvicorn.Server(config).run(sockets=[listening])


def parse_arguments() -> argparse.Namespace:
    """Where to listen: as told, else as HOST and PORT say, else 127.0.0.1 and 8000."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description="Serve the demo of asgi_auth.")
    parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="default: HOST, else 127.0.0.1")
    parser.add_argument("--port", default=os.environ.get("PORT", "8000"), type=int, help="default: PORT, else 8000")
    return parser.parse_args()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; taken before anything else, so that a port in use is known at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OverflowError:
        sys.exit(f"A port is a number from 0 to 65535, not {port}.")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} of {host} is in use: end the program that has it, or choose another with --port.")
        sys.exit(f"Cannot listen on port {port} of {host}: {error.strerror}.")


def url_of(host: str, listening: socket.socket) -> str:
    """The address to open in a browser."""
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    main()
