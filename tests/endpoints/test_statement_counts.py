"""What requests to the endpoints cost in statements, letters included: the same however much there is."""

from __future__ import annotations

import pytest

from asgi_auth import DeletionOptions, EmailOptions
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, browser, sign_up, whoami

EMAIL = ADA["email"]

# path, body, statements; the first one reads the session wherever somebody has to be signed in
COSTS = [
    ("/request-password-reset", {"email": EMAIL}, 5),  # user; beside it: clean-up, lock, address, secret
    ("/request-password-reset", {"email": "nobody@example.com"}, 1),
    ("/send-verification-email", {"email": EMAIL}, 1),
    ("/change-email", {"newEmail": "new@example.com"}, 2),  # whether it is taken
    ("/change-email", {"newEmail": "bob@example.com"}, 2),
    ("/delete-user", {"password": ADA["password"]}, 8),  # password; lock, sessions, accounts, secrets, user
    ("/sign-out", {}, 2),
]


@pytest.fixture
async def counted(make_auth):
    """How many statements a request of Ada's costs, and what it makes happen beside it."""
    mailbox = Mailbox()
    auth = make_auth(
        base_url=BASE_URL,
        mail=mailbox.options,
        email=EmailOptions(allows_change=True),
        deletion=DeletionOptions(is_allowed=True),
    )
    async with browser(auth.wrap(whoami)) as bob:
        await sign_up(bob, {**ADA, "email": "bob@example.com"})
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)

        async def count(method, path, body=None):
            with auth.services.engine.recorded() as statements:
                response = await client.request(method, f"/api/auth{path}", json=body)
                await auth.services.mails.settle()
            assert response.status_code == 200, response.text
            return len(statements)

        yield count


@pytest.mark.parametrize(("path", "body", "statements"), COSTS)
async def test_a_request_costs_what_the_table_says(counted, path, body, statements):
    assert await counted("POST", path, body) == statements


async def test_the_accounts_are_read_at_once(counted):
    assert await counted("GET", "/list-accounts") == 2
