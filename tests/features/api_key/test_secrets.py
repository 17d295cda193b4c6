"""With everything logged, no key and no hash of one is; nothing that is printed shows one."""

from __future__ import annotations

import traceback

import structlog

from asgi_auth import Protect
from asgi_auth.crypto.tokens import hash_token
from asgi_auth.errors import AuthError
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from tests.features.api_key.rows import add_key, keys_of, new_key, tell, verify
from tests.features.api_key.test_source import with_key
from tests.security.canaries import leaks
from tests.support import browser


async def test_nothing_tells_a_key(make_auth, database_url, capsys):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(enables_sessions=True))])
    key = await new_key(auth, rate_limit_max=2)
    others = [await add_key(auth, key.owner_id, enabled=False), await add_key(auth, key.owner_id, remaining=0)]
    texts = [key.text, *(each.text for each in others), "canary-key-0123", "u" * 64, "!" * 64]
    secrets = {str(number): text for number, text in enumerate(texts)}
    secrets |= {f"hash {number}": hash_token(text) for number, text in enumerate(texts)}
    said: list[str] = []
    with structlog.testing.capture_logs() as logs:
        async with browser(auth.wrap(Protect(tell))) as client:
            for text in texts:
                for path in ("/", "/api/auth/ok", "/api/auth/list-sessions"):
                    response = await client.get(path, headers=with_key(text))
                    said += [response.text, str(response.headers)]
        for text in texts:
            try:
                judged = await auth.services.get(ApiKeyVerifier).judge(text)
            except AuthError as error:
                said += [repr(error), "".join(traceback.format_exception_only(error))]
            else:
                said.append(repr(judged))
    said += [repr(await keys_of(auth).find(id=key.id)), repr(await verify(auth, await add_key(auth, key.owner_id)))]
    said += [str(log) for log in logs]
    written = capsys.readouterr()
    assert leaks("\n".join((*said, written.out, written.err)), secrets) == []
