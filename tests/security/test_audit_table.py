"""Nothing that is kept of a life of accounts and sessions is a secret or anybody's address."""

from __future__ import annotations

from asgi_auth.features.audit import Audit, AuditService
from asgi_auth.models import to_json
from tests.security.canaries import leaks
from tests.security.test_logs import NEW, PASSWORD, SECRET, WRONG, live_through_it_all
from tests.support import ADA, browser, whoami


async def test_a_whole_life_leaves_no_secret_in_the_audit_log(make_auth, database_url):
    auth = make_auth(secret=SECRET, database=database_url, features=[Audit()])
    audit = auth.services.get(AuditService)
    async with browser(auth.wrap(whoami)) as client:
        made = await live_through_it_all(client)
    await audit.flush()
    records = (await audit.list()).records
    assert {
        *("user.created", "sign_in.succeeded", "sign_in.failed", "sign_up.failed", "password.changed"),
        *("password.refused", "session.revoked", "origin.refused"),
    } <= {record.event for record in records}
    planted = {"password": PASSWORD, "wrong": WRONG, "new": NEW, "secret": SECRET, "address": ADA["email"]}
    assert leaks(to_json(records).decode(), {**planted, **made}) == []
