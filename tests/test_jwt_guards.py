"""Guards of JWTs, whether or not they rest on a session, and of what they were given."""

from __future__ import annotations

import pytest

from asgi_auth import ANONYMOUS, AuthError, Proof
from asgi_auth.clock import Timestamp
from asgi_auth.errors import InvalidToken, Unavailable
from asgi_auth.guards import (
    all_of,
    either,
    has_scope,
    require_authenticated,
    require_bearer,
    require_jwt,
    require_session,
    require_user,
)
from asgi_auth.models import Session, User, frozen

NOW = Timestamp.parse("2026-11-22T12:00:00.000Z")


def user(name):
    return User(name=name, email=f"{name}@example.com", created_at=NOW, updated_at=NOW, id=name)


def session(name, *, token="t"):
    return Session(expires_at=NOW, token=token, created_at=NOW, updated_at=NOW, user_id=name, id="s")


def jwt(name, *scopes, **more):
    return Proof(subject=name, claims=frozen({"sub": name}), scopes=frozenset(scopes), **more)


COOKIE = Proof(subject="ada", user=user("ada"), session=session("ada"))
CHECKED = jwt("ada", user=user("ada"), session=session("ada", token=""))
OURS = jwt("ada", user=user("ada"))
READS = jwt("ada", "read", user=user("ada"))
READS_AND_WRITES = jwt("ada", "read", "write")
FOREIGN = jwt("auth0|1")
BOBS = jwt("bob", user=user("bob"))

CONTEXTS = {
    "nobody": ANONYMOUS,
    "cookie": ANONYMOUS.with_proof("session", COOKIE),
    "ours": ANONYMOUS.with_proof("jwt", OURS),
    "checked": ANONYMOUS.with_proof("jwt", CHECKED),
    "foreign": ANONYMOUS.with_proof("jwt", FOREIGN),
    "reads": ANONYMOUS.with_proof("jwt", READS),
    "reads and writes": ANONYMOUS.with_proof("jwt", READS_AND_WRITES),
    "cookie and hers": ANONYMOUS.with_proof("session", COOKIE).with_proof("jwt", CHECKED),
    "cookie and bob's": ANONYMOUS.with_proof("jwt", BOBS).with_proof("session", COOKIE),
    "cookie and a refused one": ANONYMOUS.with_proof("session", COOKIE).with_refusal("jwt", InvalidToken()),
    "a refused cookie and hers": ANONYMOUS.with_refusal("session", InvalidToken()).with_proof("jwt", OURS),
    "a fault": ANONYMOUS.with_proof("session", COOKIE).with_refusal("jwt", Unavailable()),
}

EVERY_JWT = {
    "ours",
    "checked",
    "foreign",
    "reads",
    "reads and writes",
    "cookie and hers",
    "cookie and bob's",
    "a refused cookie and hers",
}

VERDICTS = {
    # guard: who passes, and who is somebody but may not (403); all others are nobody (401)
    "authenticated": (require_authenticated(), EVERY_JWT | {"cookie"}, set()),
    "jwt": (require_jwt(), EVERY_JWT, set()),
    "session": (require_session(), {"cookie", "cookie and hers", "cookie and bob's"}, set()),
    "bearer": (require_bearer(), set(), set()),
    "user": (require_user(), EVERY_JWT - {"foreign", "reads and writes"} | {"cookie"}, set()),
    "session and jwt": (all_of(require_session(), require_jwt()), {"cookie and hers"}, {"cookie and bob's"}),
    "may read": (has_scope("read"), {"reads", "reads and writes"}, EVERY_JWT | {"cookie"}),
    "may read and write": (has_scope("read", "write"), {"reads and writes"}, EVERY_JWT | {"cookie"}),
    "a session, or may read": (
        either(require_session(), has_scope("read")),
        {"cookie", "cookie and hers", "cookie and bob's", "reads", "reads and writes"},
        EVERY_JWT,
    ),
    "jwt that may read": (all_of(require_jwt(), has_scope("read")), {"reads", "reads and writes"}, EVERY_JWT),
}


@pytest.mark.parametrize("guard", VERDICTS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_each_guard_lets_pass_whom_it_says_and_refuses_the_others(guard, context):
    rule, passes, known = VERDICTS[guard]
    scope = {"type": "http", "auth": CONTEXTS[context]}
    if context in passes:
        assert isinstance(rule.check(scope), Proof)
        return
    with pytest.raises(AuthError) as refusal:
        rule.check(scope)
    expected = 503 if context == "a fault" else 403 if context in known else 401
    assert refusal.value.status == expected


def test_the_proof_of_a_guard_is_the_credential_it_asked_for():
    scope = {"auth": CONTEXTS["cookie and hers"]}
    assert require_jwt().check(scope) is CHECKED
    assert require_session().check(scope) is COOKIE
    assert all_of(require_session(), require_jwt()).check(scope) is COOKIE
    assert require_user().check(scope) is CHECKED


def test_a_scope_is_asked_for_by_name():
    with pytest.raises(ValueError, match="needs a scope"):
        has_scope()
