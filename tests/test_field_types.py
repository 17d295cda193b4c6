"""Fields of any type are stored plainly and checked as their annotation says."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
import pytest

from asgi_auth import ConfigurationError, FieldRules, User
from asgi_auth.fields import compose
from tests.support import ADA, BOB, browser, sign_up, whoami


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Member(User, frozen=True, kw_only=True):
    plan: Literal["free", "pro"] = "free"
    colour: Colour | None = None
    code: Annotated[str, msgspec.Meta(max_length=5)] | None = None
    tags: list[str] | None = None
    nickname: Annotated[str | None, FieldRules(unique=True)] = None


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, user_model=Member)


async def test_words_are_stored_as_they_are(auth):
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, {**ADA, "plan": "pro", "colour": "blue", "tags": ["a", "b"]})
        user = (await client.get("/api/auth/get-session")).json()["user"]
    assert (user["plan"], user["colour"], user["tags"]) == ("pro", "blue", ["a", "b"])
    rows = await auth.services.engine._executor.run_text('SELECT plan, colour, tags FROM "user"')
    assert rows == [["pro", "blue", '["a","b"]']]
    stored = await auth.services.users.find_by_email(ADA["email"])
    assert stored.colour is Colour.BLUE


@pytest.mark.parametrize("given", [{"plan": "gold"}, {"colour": "green"}, {"code": "toolong"}, {"tags": [1]}])
async def test_what_the_annotation_forbids_is_refused(auth, given):
    async with browser(auth.wrap(whoami)) as client:
        refused = await client.post("/api/auth/sign-up/email", json={**ADA, **given})
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_a_taken_nickname_is_not_a_taken_address(auth):
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, {**ADA, "nickname": "lady"})
    async with browser(auth.wrap(whoami)) as client:
        refused = await client.post("/api/auth/sign-up/email", json={**BOB, "nickname": "lady"})
        assert (refused.status_code, refused.json()["code"]) == (422, "FAILED_TO_CREATE_USER")
        await sign_up(client, BOB)
        clash = await client.post("/api/auth/update-user", json={"nickname": "lady"})
    assert (clash.status_code, clash.json()["code"]) == (422, "FAILED_TO_UPDATE_USER")


def test_a_field_may_not_be_called_as_what_sign_up_is_sent():
    class Careless(User, frozen=True, kw_only=True):
        password: str | None = None

    with pytest.raises(ConfigurationError, match="password"):
        compose(User, (), Careless)


async def test_a_row_that_is_older_than_a_field_has_its_default(make_auth, database_url):
    older = make_auth(database=database_url)
    await older.services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")
    newer = make_auth(database=database_url, user_model=Member)
    found = await newer.services.users.find_by_email(ADA["email"])
    assert (found.plan, found.colour) == ("free", None)
