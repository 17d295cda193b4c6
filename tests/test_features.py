"""A feature brings columns, a table, endpoints, a step and a service, and edits nothing in the core."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest
from sqlalchemy import Column, ForeignKey, MetaData, Table, Text

from asgi_auth import ConfigurationError, Feature, FieldRules, Forbidden, Record, Session, Timestamp, User
from asgi_auth.asgi.headers import find_header
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.engine.columns import Moment
from asgi_auth.fields import view
from asgi_auth.services.session import LiveSession
from tests.support import ADA, BOB, browser, sign_up, whoami


class Banned(Forbidden):
    """This card may not be used any more."""

    code = "CARD_BANNED"


class CardUser(User, frozen=True, kw_only=True):
    card_number: Annotated[str | None, FieldRules(unique=True)] = None


class KioskSession(Session, frozen=True, kw_only=True):
    kiosk: str | None = None


class Stamp(Record, frozen=True, kw_only=True):
    shop: str
    user_id: str
    created_at: Timestamp
    id: str


STAMPS = Table(
    "stamp",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("shop", Text(), nullable=False),
    Column("userId", Text(), ForeignKey("user.id", ondelete="CASCADE"), nullable=False),
    Column("createdAt", Moment(), nullable=False),
)


class StampService:
    """Collects stamps on cards."""

    def __init__(self, services):
        self._stamps = services.engine.store("stamp", Stamp)
        self._clock = services.clock

    async def add(self, user_id, shop):
        await self._stamps.add(Stamp(shop=shop, user_id=user_id, created_at=self._clock(), id=generate_id()))

    async def list(self, user_id):
        return await self._stamps.list(user_id=user_id)


class StampEndpoints(Endpoints):
    """Stamps over HTTP."""

    @post("/card/stamp")
    async def add(self, call):
        live = await call.session()
        await call.services.get(StampService).add(live.user.id, call.record()["shop"])
        return Answer(body={"card": view(live.user, CardUser).card_number})

    @get("/card/stamps")
    async def list(self, call):
        live = await call.session()
        return Answer(body=await call.services.get(StampService).list(live.user.id))


class Cards(Feature):
    name = "cards"
    tables = (STAMPS,)
    user_fields = CardUser
    session_fields = KioskSession

    def install(self, services):
        services.add(StampService(services))
        services.sign_in.add_step(self.refuse_banned)

    def endpoints(self, services):  # noqa: ARG002  (a socket)
        return (StampEndpoints(),)

    async def refuse_banned(self, attempt):
        if view(attempt.user, CardUser).card_number == "0000":
            raise Banned


# the application's own fields


class Member(User, frozen=True, kw_only=True):
    company: str
    score: float | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    role: Annotated[str, FieldRules(input=False)] = "member"
    is_staff: Annotated[bool | None, FieldRules(input=False)] = None
    notes: Annotated[str | None, FieldRules(returned=False)] = None


ADA_AT_ACME = {**ADA, "company": "ACME", "cardNumber": "1234"}


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[Cards()], user_model=Member)


@pytest.fixture
async def client(auth):
    async with browser(auth.wrap(whoami)) as client:
        yield client


async def session_of(client):
    return (await client.get("/api/auth/get-session")).json()


async def test_everything_a_feature_brings_works_together(client, auth):
    user = (await sign_up(client, ADA_AT_ACME)).json()["user"]
    assert (user["cardNumber"], user["company"], user["role"], user["isStaff"]) == ("1234", "ACME", "member", None)
    assert list(user)[-1] == "id"
    answer = await client.post("/api/auth/card/stamp", json={"shop": "Bakery"})
    assert answer.json() == {"card": "1234"}
    (stamp,) = (await client.get("/api/auth/card/stamps")).json()
    assert (stamp["shop"], stamp["userId"], stamp["createdAt"]) == ("Bakery", user["id"], auth.services.clock().iso())
    found = await session_of(client)
    assert (found["user"], found["session"]["kiosk"]) == (user, None)


async def test_the_users_own_type_is_what_services_return(client, auth):
    await sign_up(client, {**ADA_AT_ACME, "tags": ["a", "é"], "score": 0.1})
    user = await auth.services.users.find_by_email(ADA["email"])
    assert isinstance(user, Member)
    assert (user.company, user.tags, user.score, user.role) == ("ACME", ["a", "é"], 0.1, "member")
    assert view(user, CardUser).card_number == "1234"


async def test_a_step_of_a_feature_stands_on_every_way_in(client):
    answer = await client.post("/api/auth/sign-up/email", json={**ADA_AT_ACME, "cardNumber": "0000"})
    assert (answer.status_code, answer.json()["code"]) == (403, "CARD_BANNED")
    answer = await client.post("/api/auth/sign-in/email", json=ADA)
    assert (answer.status_code, answer.json()["code"]) == (403, "CARD_BANNED")
    assert await session_of(client) is None


# rules of fields


async def test_a_required_field_has_to_be_there(client):
    answer = await client.post("/api/auth/sign-up/email", json=ADA)
    assert (answer.status_code, answer.json()) == (400, {"message": "company is required", "code": "MISSING_FIELD"})


async def test_a_closed_field_keeps_its_default_or_is_refused(client):
    user = (await sign_up(client, {**ADA_AT_ACME, "role": "admin"})).json()["user"]
    assert user["role"] == "member"
    for change in ({"role": "admin"}, {"isStaff": True}):
        answer = await client.post("/api/auth/update-user", json=change)
        assert (answer.status_code, answer.json()["code"]) == (400, "FIELD_NOT_ALLOWED")
    answer = await client.post("/api/auth/sign-up/email", json={**ADA_AT_ACME, **BOB, "isStaff": True})
    assert (answer.status_code, answer.json()["message"]) == (400, "isStaff is not allowed to be set")


async def test_what_is_not_returned_is_stored_all_the_same(client, auth):
    user = (await sign_up(client, {**ADA_AT_ACME, "notes": "private"})).json()["user"]
    assert "notes" not in user
    assert "private" not in str(await session_of(client))
    assert (await auth.services.users.get(user["id"])).notes == "private"


async def test_a_unique_field_is_one_persons(client, auth):
    await sign_up(client, ADA_AT_ACME)
    answer = await client.post("/api/auth/sign-up/email", json={**ADA_AT_ACME, **BOB})
    assert answer.status_code == 422
    assert await auth.services.engine.users.count() == 1
    await sign_up(client, {**ADA_AT_ACME, **BOB, "cardNumber": "5678"})
    assert (await client.post("/api/auth/update-user", json={"cardNumber": "1234"})).status_code == 422
    assert (await client.post("/api/auth/update-user", json={"cardNumber": None})).status_code == 200
    assert (await session_of(client))["user"]["cardNumber"] is None


async def test_updates_change_declared_fields_of_user_and_session(client):
    await sign_up(client, ADA_AT_ACME)
    change = {"company": "Initech", "tags": ["x"], "cardNumber": "9", "nonsense": 1}
    assert (await client.post("/api/auth/update-user", json=change)).json() == {"status": True}
    answer = await client.post("/api/auth/update-session", json={"kiosk": "North", "token": "stolen"})
    assert answer.json()["session"]["kiosk"] == "North"
    found = await session_of(client)
    assert (found["user"]["company"], found["user"]["tags"], found["user"]["cardNumber"]) == ("Initech", ["x"], "9")
    assert found["session"]["kiosk"] == "North"
    assert found["session"]["token"] != "stolen"


@pytest.mark.parametrize("wrong", [{"company": 5}, {"tags": "a"}, {"score": "high"}, {"cardNumber": {"$ne": ""}}])
async def test_a_value_that_does_not_fit_is_refused(client, wrong):
    answer = await client.post("/api/auth/sign-up/email", json={**ADA_AT_ACME, **wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


# around every endpoint


class Badge(Forbidden):
    """No badge."""

    code = "NO_BADGE"


class BadgeHooks(EndpointHooks):
    async def before(self, call):
        badge = find_header(call.scope, b"x-badge")
        if badge == "forged":
            raise Badge
        if badge is not None:
            user = await call.services.users.find_by_email(badge)
            now = call.services.clock()
            session = Session(expires_at=now, token="badge", created_at=now, updated_at=now, user_id=user.id, id="b")
            call.stand_in(LiveSession(session=session, user=user))

    async def on_session(self, call, live):
        call.expose("x-seen", live.user.email)
        call.expose("x-too", "yes")


class Badges(Feature):
    name = "badges"

    def hooks(self, services):  # noqa: ARG002  (a socket)
        return (BadgeHooks(),)


@pytest.fixture
async def badged(make_auth, database_url):
    auth = make_auth(database=database_url, features=[Badges()])
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, ADA)
        client.cookies.clear()
        yield client


ADAS = {"x-badge": ADA["email"]}


async def test_a_feature_may_refuse_whatever_the_endpoint(badged):
    for method, path in (("GET", "/get-session"), ("GET", "/ok"), ("POST", "/sign-in/email")):
        answer = await badged.request(method, f"/api/auth{path}", headers={"x-badge": "forged"})
        assert (answer.status_code, answer.json()["code"]) == (403, "NO_BADGE")


async def test_a_feature_may_add_to_the_answer_that_tells_of_the_session(badged):
    assert "x-seen" not in (await badged.get("/api/auth/get-session")).headers
    await badged.post("/api/auth/sign-in/email", json=ADA)
    answer = await badged.get("/api/auth/get-session")
    assert (answer.headers["x-seen"], answer.headers["x-too"]) == (ADA["email"], "yes")
    assert answer.headers["access-control-expose-headers"] == "x-seen, x-too"
    assert "x-seen" not in (await badged.get("/api/auth/list-accounts")).headers


async def test_what_stands_in_for_a_session_acts_as_its_user_and_leaves_nothing_behind(badged):
    answer = await badged.get("/api/auth/get-session", headers=ADAS)
    assert answer.json()["user"]["email"] == ADA["email"]
    assert "x-seen" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert len((await badged.get("/api/auth/list-accounts", headers=ADAS)).json()) == 1
    answer = await badged.post("/api/auth/update-user", json={"name": "By badge"}, headers=ADAS)
    assert (answer.json(), answer.headers.get("set-cookie")) == ({"status": True}, None)
    assert "set-auth-token" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/list-sessions", None),
        ("POST", "/revoke-sessions", {}),
        ("POST", "/change-password", {"currentPassword": ADA["password"], "newPassword": "another password 1"}),
        ("POST", "/change-email", {"newEmail": "other@example.com"}),
        ("POST", "/delete-user", {"password": ADA["password"]}),
    ],
)
async def test_what_stands_in_for_a_session_opens_nothing_that_asks_for_the_store_of_record(badged, method, path, body):
    answer = await badged.request(method, f"/api/auth{path}", json=body, headers=ADAS)
    assert answer.status_code == 401
    assert (await badged.post("/api/auth/sign-in/email", json=ADA)).status_code == 200


# databases that are there already


async def test_a_feature_installed_later_finds_its_columns_made(make_auth, database_url):
    before = make_auth(database=database_url)
    ada = await before.services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")
    after = make_auth(database=database_url, features=[Cards()])
    created = "\n".join(await after.create_schema())
    assert 'ALTER TABLE "user" ADD COLUMN "cardNumber"' in created
    assert '"user_cardNumber_uidx"' in created
    assert 'ALTER TABLE "session" ADD COLUMN "kiosk"' in created
    assert "stamp" in created
    live = await after.services.sessions.get_session(ada.session.token)
    assert (view(live.user, CardUser).card_number, view(live.session, KioskSession).kiosk) == (None, None)
    assert (await before.services.sessions.get_session(ada.session.token)).user == ada.user


async def test_a_feature_that_goes_leaves_its_columns_alone(make_auth, database_url):
    with_cards = make_auth(database=database_url, features=[Cards()])
    ada = await with_cards.services.passwords.sign_up(ADA["email"], ADA["password"], "Ada", {"cardNumber": "1"})
    without = make_auth(database=database_url)
    await without.services.users.change(ada.user.id, name="Grace")
    assert view(await with_cards.services.users.get(ada.user.id), CardUser).card_number == "1"


# conflicts


class Rival(Feature):
    name = "rival"


class SameField(Rival):
    user_fields = CardUser


class SameTable(Rival):
    tables = (Table("stamp", MetaData(), Column("id", Text(), primary_key=True)),)


class CoreTable(Rival):
    tables = (Table("user", MetaData(), Column("id", Text(), primary_key=True)),)


class SameService(Rival):
    def install(self, services):
        services.add(StampService(services))


class SameEndpoint(Rival):
    def endpoints(self, services):  # noqa: ARG002  (a socket)
        return (StampEndpoints(),)


class CoreEndpoint(Rival):
    def endpoints(self, services):  # noqa: ARG002  (a socket)
        return (SignInAgain(),)


class SignInAgain(Endpoints):
    """An endpoint of the core, once more."""

    @post("/sign-in/email")
    async def sign_in(self, _call):
        return Answer()


class CardMember(User, frozen=True, kw_only=True):
    card_number: str | None = None


@pytest.mark.parametrize(
    ("features", "options"),
    [
        ([Cards(), Cards()], {}),
        ([Cards(), SameField()], {}),
        ([Cards(), SameTable()], {}),
        ([CoreTable()], {}),
        ([Cards(), SameService()], {}),
        ([Cards(), SameEndpoint()], {}),
        ([CoreEndpoint()], {}),
        ([Cards()], {"user_model": CardMember}),
    ],
)
def test_two_who_claim_the_same_are_refused_at_once(make_auth, features, options):
    with pytest.raises(ConfigurationError):
        make_auth(features=features, **options)


class Bare(Feature):
    """A feature with a name and nothing else."""

    name = "bare"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": [Bare]}, r"features are instances: Bare\(\)"),
        ({"features": Bare()}, r"features is a list: \[Bare\(\)\]"),
        ({"features": Bare}, r"features is a list: \[Bare\(\)\]"),
        ({"metrics": object()}, "metrics has the methods"),
        ({"on_error": "tell"}, "on_error is a callable"),
    ],
)
def test_what_auth_is_given_is_checked(make_auth, options, message):
    with pytest.raises(ConfigurationError, match=message):
        make_auth(**options)
