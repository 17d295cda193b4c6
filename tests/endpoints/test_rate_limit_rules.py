"""Rules of one's own, and the features': which of them holds for a path."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from asgi_auth import Feature, RateLimit
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, get
from tests.endpoints.limited import client_of, limited, statuses
from tests.services.recorders import Figures

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("pattern", "paths", "others"),
    [
        ("/a", ("/a", "/a/", "//a"), ("/a/b", "/ab", "/b/a", "/A")),
        ("/a/*", ("/a/x", "/a/xyz"), ("/a", "/a/x/y", "/b/a/x")),
        ("/c*", ("/c", "/cxx"), ("/c/x", "/d")),
        ("/d/**", ("/d/x", "/d/x/y"), ("/d", "/dx")),
        ("**/z", ("/z", "/q/z", "/p/q/z"), ("/qz", "/z/q")),
        ("/i*/y", ("/i/y", "/iii/y"), ("/i/i/y", "/y")),
        ("/h?", ("/hx",), ("/h", "/hxx", "/h/x")),
        ("/e/[x].+", ("/e/[x].+",), ("/e/x", "/e/[x]yy")),
    ],
)
async def test_a_rule_matches_whole_paths(make_auth, pattern, paths, others):
    auth = limited(make_auth, rules={pattern: RateLimit(1, MINUTE)})
    for number, path in enumerate(paths):
        async with client_of(auth, f"198.51.100.{number}") as client:
            assert await statuses(client, path, 2) == [404, 429], path
    async with client_of(auth) as client:
        for path in others:
            assert await statuses(client, path, 2) == [404, 404], path


async def test_the_first_rule_that_matches_counts_and_none_lifts_the_limit(make_auth):
    rules = {"/sign-in/free": None, "/sign-in/*": RateLimit(1, MINUTE), "/sign-in/email": RateLimit(50, MINUTE)}
    async with client_of(limited(make_auth, rules=rules)) as client:
        assert 429 not in await statuses(client, "/sign-in/free", 20)
        assert "ratelimit" not in (await client.get("/api/auth/sign-in/free")).headers
        assert await statuses(client, "/sign-in/email", 2) == [404, 429]


class Greetings(Endpoints):
    @get("/greet/{name}")
    async def greet(self, call):
        return Answer(body={"hello": call.path_param("name")})


class Greeting(Feature):
    name = "greeting"
    rate_limits: ClassVar = {"/greet/*": RateLimit(2, MINUTE), "/sign-in/greeting": RateLimit(5, MINUTE)}

    def endpoints(self, services):  # noqa: ARG002  (a socket)
        return [Greetings()]


class Loud(Feature):
    name = "loud"
    rate_limits: ClassVar = {"/greet/**": RateLimit(1, MINUTE)}


async def test_features_bring_rules_before_the_cores_and_after_ones_own(make_auth):
    features = [Greeting(), Loud()]
    async with client_of(limited(make_auth, features=features)) as client:
        assert await statuses(client, "/greet/ada", 3) == [200, 200, 429]
        assert await statuses(client, "/sign-in/greeting", 6) == [404] * 5 + [429]
    auth = limited(make_auth, features=features, rules={"/greet/ada": None})
    async with client_of(auth) as client:
        assert await statuses(client, "/greet/ada", 5) == [200] * 5


async def test_refusals_are_counted_by_rule(make_auth):
    figures = Figures()
    async with client_of(limited(make_auth, metrics=figures)) as client:
        await statuses(client, "/sign-in/x", 5)
    assert figures.counts == [("auth.rate_limit.refused", {"rule": "/sign-in**"})] * 2
