"""How often paths may be asked for: the contract's rules, whose request it is, and what stands before what."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import ClientAddressOptions, RateLimit, RateLimitOptions, RequestOptions
from tests.contracts.rows import query
from tests.endpoints.limited import client_of, limited, statuses
from tests.endpoints.wire import exchange, http, request
from tests.support import ADA, BASE_URL, browser, sign_up, whoami

ON = RateLimitOptions(is_enabled=True)
MINUTE = timedelta(minutes=1)
REFUSED = {"message": "Too many requests. Please try again later."}
TRUSTED = ClientAddressOptions(trusted_proxies=("10.0.0.0/8",))


# the rules


@pytest.mark.parametrize(
    ("path", "most", "window"),
    [
        ("/sign-in/email", 3, 10),
        ("/sign-in/anything/else", 3, 10),
        ("/sign-in-too", 3, 10),
        ("/sign-up/email", 3, 10),
        ("/change-password", 3, 10),
        ("/change-email", 3, 10),
        ("/request-password-reset", 3, 60),
        ("/send-verification-email", 3, 60),
        ("/forget-password/email-otp", 3, 60),
        ("/email-otp/send-verification-otp", 3, 60),
        ("/email-otp/request-password-reset", 3, 60),
        ("/request-password-reset/x", 100, 10),
        ("/ok", 100, 10),
        ("/nothing-here", 100, 10),
        ("", 100, 10),
    ],
)
async def test_better_auths_rules_hold_for_their_paths(make_auth, clock, path, most, window):
    auth = limited(make_auth)
    async with client_of(auth) as client:
        assert 429 not in await statuses(client, path, most)
        clock.advance(seconds=window, milliseconds=-1)
        assert await statuses(client, path, 2) == [429, 429]
        clock.advance(milliseconds=1)
        assert 429 not in await statuses(client, path, 1)


async def test_a_window_begins_anew_with_every_request_that_is_let_through(make_auth, clock):
    async with client_of(limited(make_auth)) as client:
        for _ in range(3):
            assert await statuses(client, "/sign-in/x", 1) == [404]
            clock.advance(seconds=9)
        assert await statuses(client, "/sign-in/x", 1) == [429]
        clock.advance(seconds=1)
        assert await statuses(client, "/sign-in/x", 1) == [404]


async def test_a_refusal_says_when_to_come_back(make_auth, clock):
    async with client_of(limited(make_auth)) as client:
        await statuses(client, "/sign-in/email", 3, "POST", json={})
        clock.advance(milliseconds=1)
        response = await client.post("/api/auth/sign-in/email", json={})
    assert (response.status_code, response.json()) == (429, REFUSED)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-retry-after"] == response.headers["retry-after"] == "10"
    assert response.headers["ratelimit-policy"] == '"/sign-in**";q=3;w=10'
    assert response.headers["ratelimit"] == '"/sign-in**";r=0;t=10'


@pytest.mark.parametrize(
    ("path", "policy", "remains"),
    [
        ("/ok", '"general";q=100;w=10', '"general";r=99;t=10'),
        ("/nothing", '"general";q=100;w=10', '"general";r=99;t=10'),
        ("/sign-in/x", '"/sign-in**";q=3;w=10', '"/sign-in**";r=2;t=10'),
        ("/own", '"/o?n";q=5;w=2', '"/o?n";r=4;t=2'),
    ],
)
async def test_an_answer_says_what_remains(make_auth, path, policy, remains):
    auth = limited(make_auth, rules={"/o?n": RateLimit(5, timedelta(seconds=1.5))})
    async with client_of(auth) as client:
        response = await client.get(f"/api/auth{path}")
    assert (response.headers["ratelimit-policy"], response.headers["ratelimit"]) == (policy, remains)


async def test_pages_of_other_origins_may_read_what_remains(make_auth):
    auth = make_auth(rate_limits=ON, trusted_origins=(BASE_URL,))
    app = auth.wrap(whoami, cors=True)
    async with browser(app) as client:
        exposed = (await client.get("/api/auth/ok")).headers["access-control-expose-headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After", "X-Retry-After"} <= set(exposed.split(", "))


async def test_200_requests_at_once_are_counted_one_by_one(make_auth):
    async with client_of(limited(make_auth)) as client:
        answers = await asyncio.gather(*(client.get("/api/auth/ok") for _ in range(200)))
    assert [answer.status_code for answer in answers].count(200) == 100


async def test_nothing_is_limited_in_test_suites(make_auth):
    async with client_of(make_auth()) as client:
        assert 429 not in await statuses(client, "/sign-in/email", 20, "POST", json={})
        assert "ratelimit" not in (await client.get("/api/auth/ok")).headers


async def test_the_application_itself_is_not_limited(make_auth):
    auth = limited(make_auth, general=RateLimit(1, MINUTE))
    async with client_of(auth) as client:
        await sign_up(client)
        assert {(await client.get("/sign-in/email")).status_code for _ in range(20)} == {200}


# what stands before what


async def test_too_many_comes_before_every_other_refusal(make_auth):
    auth = limited(make_auth, rules={"**": RateLimit(1, MINUTE)})
    async with client_of(auth) as client:
        wrong = [
            ("/unknown", {}),
            ("/sign-up/email", {"content": b"x", "headers": {"content-type": "text/plain"}}),
            ("/sign-in/email", {"content": b"{", "headers": {"content-type": "application/json"}}),
            ("/sign-out", {"headers": {"origin": "https://evil.test", "cookie": "a=b"}}),
            ("/change-password", {"json": {}}),
            ("/update-user", {"content": b"x" * (2 << 20), "headers": {"content-type": "application/json"}}),
        ]
        for path, options in wrong:
            first, second = await statuses(client, path, 2, "POST", **options)
            assert first in (400, 401, 403, 404, 413, 415), path
            assert second == 429, path


async def test_a_disabled_path_is_not_there_however_often_it_is_asked_for(make_auth):
    disabled = RequestOptions(disabled_paths=frozenset({"/sign-up/email", "/never-was"}))
    auth = limited(make_auth, request=disabled)
    async with client_of(auth) as client:
        for path in ("/sign-up/email", "/sign-up/email/", "/never-was"):
            answers = [await client.post(f"/api/auth{path}", json=ADA) for _ in range(5)]
            assert {(answer.status_code, answer.text) for answer in answers} == {(404, "Not Found")}


async def test_every_method_of_a_path_counts(make_auth):
    async with client_of(limited(make_auth)) as client:
        used = [await statuses(client, "/sign-in/email", 1, method) for method in ("GET", "HEAD", "OPTIONS", "POST")]
    assert used == [[404], [404], [404], [429]]


async def test_queries_and_path_parameters_are_told_apart_as_the_contract_does(make_auth):
    async with client_of(limited(make_auth, rules={"/reset-password/*": RateLimit(1, MINUTE)})) as client:
        assert await statuses(client, "/reset-password/a", 1) != [429]
        assert await statuses(client, "/reset-password/b", 1) != [429]
        assert await statuses(client, "/reset-password/a?x=1", 1) == [429]


ALIASES = (
    "/sign-in/email",
    "/sign-in/email/",
    "/sign-in//email",
    "//sign-in/email",
    "/sign-in/email//",
    "/sign-in/%65mail",
)


@pytest.mark.parametrize("alias", ALIASES)
async def test_other_spellings_of_a_path_share_its_window(make_auth, alias):
    async with client_of(limited(make_auth)) as client:
        assert 429 not in await statuses(client, alias, 3, "POST", json={})
        for other in ALIASES:
            assert await statuses(client, other, 1, "POST", json={}) == [429], other


async def test_a_path_that_no_database_could_store_is_counted_too(make_auth, sqlite_url):
    auth = make_auth(
        database=sqlite_url,
        rate_limits=RateLimitOptions(is_enabled=True, storage="database", general=RateLimit(2, MINUTE)),
    )
    for path in ("/a\x00b", "/\ud800", "/" + "x" * 50_000, "/\u202e"):
        scope = http("GET") | {"path": path}
        answers = [await exchange(auth.endpoints, {**scope}, request(b"")) for _ in range(3)]
        assert [answer.status for answer in answers] == [404, 404, 429], path[:9]


async def test_no_path_makes_a_long_key(make_auth, sqlite_url):
    limits = RateLimitOptions(is_enabled=True, storage="database")
    auth = make_auth(database=sqlite_url, rate_limits=limits)
    for path in ("/" + "x" * 199, "/" + "x" * 200, "/" + "\U0001f600" * 199):
        await exchange(auth.endpoints, http("GET") | {"path": path}, request(b""))
    [(longest,)] = await query(sqlite_url, 'SELECT max(length(CAST("key" AS BLOB))) FROM "rateLimit"')
    assert longest < 300


# whose request it is


async def test_clients_do_not_share_windows(make_auth):
    auth = limited(make_auth)
    for address in ("203.0.113.7", "203.0.113.8", "2001:db8:1:2::1", "2001:db8:1:3::1"):
        async with client_of(auth, address) as client:
            assert await statuses(client, "/sign-in/x", 4) == [404, 404, 404, 429]


async def test_a_forwarded_for_header_that_nobody_vouches_for_changes_nothing(make_auth):
    async with client_of(limited(make_auth)) as client:
        told = [{"x-forwarded-for": f"198.51.100.{number}"} for number in range(4)]
        assert [(await statuses(client, "/sign-in/x", 1, headers=one))[0] for one in told] == [404, 404, 404, 429]


async def test_behind_a_trusted_proxy_the_nearest_hop_that_is_not_ours_is_the_client(make_auth):
    auth = limited(make_auth, client_address=TRUSTED)
    async with client_of(auth, "10.0.0.1") as proxy:
        spoofed = [{"x-forwarded-for": f"6.6.6.{number}, 203.0.113.9, 10.0.0.2"} for number in range(4)]
        assert [(await statuses(proxy, "/sign-in/x", 1, headers=one))[0] for one in spoofed] == [404, 404, 404, 429]
        other = {"x-forwarded-for": "203.0.113.9, 203.0.113.10"}
        assert await statuses(proxy, "/sign-in/x", 1, headers=other) == [404]


async def test_one_network_of_ipv6_is_one_client(make_auth):
    auth = limited(make_auth)
    used = []
    for number in range(4):
        async with client_of(auth, f"2001:db8:5:7::{number + 1:x}") as client:
            used += await statuses(client, "/sign-in/x", 1)
    assert used == [404, 404, 404, 429]


@pytest.mark.parametrize("told", ["unknown", "1.2.3.4:80", "unix:", "6" * 10_000, "999.1.1.1"])
async def test_clients_that_cannot_be_told_apart_share_one_window(make_auth, told):
    auth = limited(make_auth, client_address=TRUSTED)
    async with client_of(auth, "10.0.0.1") as proxy, client_of(auth, None) as local:
        assert await statuses(proxy, "/sign-in/x", 2, headers={"x-forwarded-for": told}) == [404, 404]
        assert await statuses(local, "/sign-in/x", 2) == [404, 429]


# counted for all processes


async def test_processes_that_share_a_database_share_their_windows(make_auth, database_url):
    options = {"database": database_url, "rate_limits": RateLimitOptions(is_enabled=True, storage="database")}
    async with client_of(make_auth(**options)) as one, client_of(make_auth(**options)) as another:
        assert await statuses(one, "/sign-in/x", 2) == [404, 404]
        assert await statuses(another, "/sign-in/x", 2) == [404, 429]


async def test_200_requests_at_once_are_counted_one_by_one_in_a_database(make_auth, database_url):
    limits = RateLimitOptions(is_enabled=True, storage="database")
    async with client_of(make_auth(database=database_url, rate_limits=limits)) as client:
        answers = await asyncio.gather(*(client.get("/api/auth/ok") for _ in range(200)))
    assert [answer.status_code for answer in answers].count(200) == 100


async def test_while_the_database_is_away_each_process_counts_for_itself(make_auth):
    away = "postgresql://nobody@127.0.0.1:1/nowhere"
    auth = make_auth(database=away, rate_limits=RateLimitOptions(is_enabled=True, storage="database"))
    async with client_of(auth) as client:
        assert await statuses(client, "/sign-in/x", 4) == [404, 404, 404, 429]
        assert (await client.post("/api/auth/sign-in/email", json=ADA)).status_code == 503
