"""Processes that sign at once, and say which key with.

python -m tests.features.jwt.signer URL ALGORITHM PROCESSES; each prints "signed with" and the id of its key
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from asgi_auth import Auth, AuthConfig, DatabaseOptions
from asgi_auth.features.jwt import Jwt, JwtOptions, JWTService
from tests.features.jwt.stored_keys import kid_of
from tests.support import BASE_URL, SECRET


async def sign(url: str, algorithm: str) -> None:
    patient = DatabaseOptions(timeout=timedelta(seconds=60), read_timeout=timedelta(seconds=60), pool_size=2)
    config = AuthConfig.testing(secret=SECRET, database=url, base_url=BASE_URL, database_options=patient)
    auth = Auth(config, features=[Jwt(JwtOptions(algorithm=algorithm))])  # type: ignore[arg-type]
    token = await auth.services.get(JWTService).sign_jwt({"sub": "u"})
    await auth.services.close()
    os.write(sys.stdout.fileno(), f"signed with {kid_of(token)}\n".encode())  # whole, whoever else writes


def main(url: str, algorithm: str, processes: int) -> None:
    gate, opening = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.close(opening)
            os.read(gate, 1)  # nobody writes: all go on when it is closed
            asyncio.run(sign(url, algorithm))
            os._exit(0)
        children.append(child)
    os.close(opening)
    ends = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(1 if any(ends) else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
