"""A path is one path: nothing else is served under another spelling of it."""

from tests.support import ADA, browser


async def test_a_line_feed_at_the_end_is_another_path(make_auth):
    auth = make_auth()
    async with browser(auth.endpoints) as client:
        assert (await client.get("/ok%0A")).status_code == 404
        assert (await client.post("/sign-up/email%0A", json=ADA)).status_code == 404
    assert await auth.services.users.find_by_email(ADA["email"]) is None
