"""How many statements each operation costs: the table says it, the engine counts them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth import AuthError, CacheOptions, SessionOptions
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.services.verification import Purpose
from tests.support import ADA, BOB

PURPOSE = Purpose(prefix="test:", length=24, lifetime=timedelta(hours=1))
NEW_PASSWORD = "another horse battery"

# operation: statements. BEGIN and COMMIT are not counted, and nothing is kept in memory.
COSTS = {
    "sign up": 4,  # is the address free; user, account, session
    "sign up with a taken address": 1,
    "sign in": 4,  # user with password; lock, does the password still hold, session
    "sign in with a wrong password": 1,
    "sign in as nobody": 1,
    "get a session": 1,
    "get a session nobody has": 1,
    "get a session by bearer token": 1,
    "get a session that is due": 2,  # read; extend
    "get a session that has expired": 2,  # read; delete
    "read a session that is due": 1,
    "refresh a session": 2,
    "list sessions": 1,
    "is a session active": 1,
    "session metadata": 1,
    "update a session": 1,
    "note activity": 1,
    "revoke a session": 1,
    "revoke by token": 1,
    "revoke all others": 1,
    "revoke all": 1,
    "enforce a limit": 1,
    "sign out": 1,
    "verify a password": 1,
    "change a password": 4,  # read the account; lock, compare-and-set, links in letters
    "change a password, ending all sessions": 7,  # the same; user, delete all, new session
    "find a user": 1,
    "change a user": 1,
    "issue a first secret": 2,  # clean-up, once a minute; insert
    "issue a secret": 1,
    "find a secret": 1,
    "redeem a secret": 1,
    "redeem something impossible": 0,
}


class Counter:
    """Runs operations and notes what each cost."""

    def __init__(self, engine):
        self._engine = engine
        self.costs = {}

    async def of(self, name, operation):
        with self._engine.recorded() as statements:
            result = await operation
        self.costs[name] = len(statements)
        return result

    async def of_refused(self, name, operation):
        with self._engine.recorded() as statements, pytest.raises(AuthError):
            await operation
        self.costs[name] = len(statements)


async def test_each_operation_costs_what_the_table_says(make_auth, database_url, clock):
    auth = make_auth(database=database_url, cache=CacheOptions(is_enabled=False))
    await auth.services.start()
    counter = Counter(auth.services.engine)
    ada = await count_signing_in(counter, auth.services)
    await count_sessions(counter, auth.services, clock, ada.session)
    await count_revoking(counter, auth.services, ada.user)
    await count_passwords_and_users(counter, auth.services, ada.user)
    await count_secrets(counter, auth.services.verifications)
    assert counter.costs == COSTS


async def count_signing_in(counter, services):
    passwords = services.passwords
    ada = await counter.of("sign up", passwords.sign_up(ADA["email"], ADA["password"], "Ada"))
    again = passwords.sign_up(ADA["email"], ADA["password"], "Ada")
    await counter.of_refused("sign up with a taken address", again)
    await counter.of("sign in", passwords.sign_in(ADA["email"], ADA["password"]))
    await counter.of_refused("sign in with a wrong password", passwords.sign_in(ADA["email"], NEW_PASSWORD))
    await counter.of_refused("sign in as nobody", passwords.sign_in(BOB["email"], ADA["password"]))
    return ada


async def count_sessions(counter, services, clock, session):
    sessions, token = services.sessions, session.token
    await counter.of("get a session", sessions.get_session(token))
    await counter.of_refused("get a session nobody has", sessions.get_session(generate_id()))
    signed = services.signer.sign(token)
    await counter.of("get a session by bearer token", services.bearer_tokens.get_session_from_bearer(signed))
    clock.advance(days=2)
    await counter.of("read a session that is due", sessions.get_session(token, refreshes=False))
    await counter.of("get a session that is due", sessions.get_session(token))
    await counter.of("refresh a session", sessions.refresh_session(token))
    await counter.of("list sessions", sessions.list_user_sessions(session.user_id))
    await counter.of("is a session active", sessions.is_session_active(session.id))
    await counter.of("session metadata", sessions.get_session_metadata(session.id))
    await counter.of("update a session", sessions.update_session(session.id, user_agent="browser"))
    await counter.of("note activity", sessions.update_session_activity(token))
    clock.advance(days=8)
    await counter.of_refused("get a session that has expired", sessions.get_session(token))


async def count_revoking(counter, services, user):
    sessions = services.sessions
    first, second, third = [await sessions.create(user) for _ in range(3)]
    await counter.of("revoke a session", sessions.revoke_session(first.id))
    await counter.of("revoke by token", sessions.revoke_token(second.token))
    await counter.of("revoke all others", sessions.revoke_other_sessions(user.id, third.token))
    await counter.of("enforce a limit", sessions.enforce_session_limit(user.id, 1))
    await counter.of("sign out", services.passwords.sign_out(third.token))
    await counter.of("revoke all", sessions.revoke_all_user_sessions(user.id))


async def count_passwords_and_users(counter, services, user):
    passwords, old = services.passwords, ADA["password"]
    await counter.of("verify a password", passwords.verify_password(user.id, old))
    await counter.of("change a password", passwords.change_password(user.id, old, NEW_PASSWORD))
    back = passwords.change_password(user.id, NEW_PASSWORD, old, revokes_sessions=True)
    await counter.of("change a password, ending all sessions", back)
    await counter.of("find a user", services.users.find(user.id))
    await counter.of("change a user", services.users.change(user.id, name="Grace"))


async def count_secrets(counter, verifications):
    secret = await counter.of("issue a first secret", verifications.issue(PURPOSE, value="x"))
    await counter.of("issue a secret", verifications.issue(PURPOSE, value="y"))
    await counter.of("find a secret", verifications.find(PURPOSE, secret))
    await counter.of("redeem a secret", verifications.redeem(PURPOSE, secret))
    await counter.of_refused("redeem something impossible", verifications.redeem(PURPOSE, "short"))


async def test_a_session_limit_costs_one_statement_more(make_auth, database_url):
    auth = make_auth(database=database_url, session=SessionOptions(max_per_user=3))
    await auth.services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")
    counter = Counter(auth.services.engine)
    await counter.of("sign in", auth.services.passwords.sign_in(ADA["email"], ADA["password"]))
    assert counter.costs == {"sign in": COSTS["sign in"] + 1}
