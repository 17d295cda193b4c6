"""Paths are compared by whole segments; whatever could be read in two ways is exempt from nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette._utils import get_route_path

from asgi_auth.asgi.paths import ExemptPaths, is_within, route_path

# Paths made of what bypasses are made of.
tricky_paths = st.lists(
    st.sampled_from(["/", "api", "v", "v1", ".", "..", "*", "%2e", ";", "\\", "?", "#", "\n", "a", "A", "\uff0e"]),
    max_size=8,
).map("".join)


@pytest.mark.parametrize(
    ("root", "path", "routed"),
    [
        ("", "/x", "/x"),
        ("", "", ""),
        ("", "*", "*"),
        ("/v", "/v", ""),
        ("/v", "/v/", "/"),
        ("/v", "/v/1", "/1"),
        ("/v", "/v1", "/v1"),
        ("/v", "/x", "/x"),
        ("/v", "/x/v/1", "/x/v/1"),
        ("/v", "/v/v/1", "/v/1"),
        ("/outer/inner", "/outer/inner/x", "/x"),
        ("/outer/inner", "/outer/x", "/outer/x"),
        ("/v", "//v/1", "//v/1"),
        ("/v", "/v//1", "//1"),
        ("/v", "", ""),
        ("/v", "*", "*"),
    ],
)
def test_the_mount_point_is_taken_off_on_a_segment_boundary(root, path, routed):
    assert route_path({"type": "http", "path": path, "root_path": root}) == routed


@given(tricky_paths, st.sampled_from(["", "/v", "/api", "/api/v", "/v/", "v"]))
def test_the_path_seen_is_the_one_starlette_routes_by(path, root):
    scope = {"type": "http", "path": path, "root_path": root}
    assert route_path(scope) == get_route_path(scope)


@pytest.mark.parametrize("scope", [{"type": "lifespan"}, {"path": "", "root_path": None}])
def test_a_scope_without_a_path_has_an_empty_one(scope):
    assert route_path(scope) == ""


def test_the_host_header_does_not_change_the_path():
    scope = {"type": "http", "path": "/admin/x", "headers": [(b"host", b"app.test/public?x=")]}
    assert route_path(scope) == "/admin/x"


@pytest.mark.parametrize("path", ["/api/auth", "/api/auth/", "/api/auth/ok", "/api/auth//ok"])
@pytest.mark.parametrize("prefix", ["/api/auth", "/api/auth/"])
def test_a_prefix_holds_itself_and_what_lies_below(path, prefix):
    assert is_within(path, prefix)


@pytest.mark.parametrize("path", ["/api/authevil", "/api/authevil/sign-in", "/x/api/auth/ok", "/sign-in", "/api", ""])
def test_a_prefix_holds_nothing_beside_it(path):
    assert not is_within(path, "/api/auth")


def test_case_and_double_slashes_make_another_path():
    assert not is_within("/API/auth", "/api/auth")
    assert not is_within("//api/auth", "/api/auth")
    assert not is_within("/api//auth", "/api/auth")


@pytest.mark.parametrize("prefix", ["", "/"])
def test_everything_is_within_the_root(prefix):
    assert is_within("/x", prefix)
    assert is_within("/", prefix)


PUBLIC = ExemptPaths(["/public", "/healthz", "/users/*/avatar", "/.well-known/jwks.json", "/docs/"])


@pytest.mark.parametrize(
    "path",
    [
        "/public",
        "/public/",
        "/public/a/b.css",
        "/public/...",
        "/public/.hidden",
        "/healthz",
        "/users/7/avatar",
        "/users/*/avatar",
        "/users/é/avatar/large",
        "/.well-known/jwks.json",
        "/docs",
        "/docs/intro",
    ],
)
def test_a_pattern_exempts_itself_and_what_lies_below(path):
    assert PUBLIC.matches(path)


@pytest.mark.parametrize(
    "path",
    [
        "//private",
        "/private/",
        "/PRIVATE",
        "/private",
        "/public/..%2fprivate",
        "/public/../private",
        "/private\x00/public",
        "/private%00/public",
        "/./private",
        "/publicity",
        "/private?x=/public",
        "/%70rivate",
        "/private\\..\\public",
        "/\uff0e\uff0e/private",
        "/private;/public",
        "//public",
        "/public//x",
        "/x/public",
        "/PUBLIC",
        "/public;x",
        "/public/;x",
        "/public/%2e%2e/private",
        "/public/..",
        "/public/.",
        "/public/./x",
        "/public\\x",
        "/public/\n",
        "/public\n",
        "/public/\x7f",
        "/public/\x85",
        "/public?/x",
        "/public#/x",
        "public",
        "@evil.test",
        "http://app.test/public",
        "*",
        "",
        "/",
        "/users//avatar",
        "/users/7/8/avatar",
        "/users/7/avatars",
        "/users/../avatar",
        "/users/avatar",
        "/-well-known/jwks.json",
    ],
)
def test_nothing_else_is_exempt(path):
    assert not PUBLIC.matches(path)


@pytest.mark.parametrize("path", ["/health?/x", "/health#/x", "/HEALTH", "/healthz", "/health;x", "//health"])
def test_health_exempts_no_neighbour(path):
    assert not ExemptPaths(["/health"]).matches(path)


def test_a_slash_exempts_the_root_alone():
    root = ExemptPaths(["/"])
    assert root.matches("/")
    assert not any(root.matches(path) for path in ("", "/x", "//", "/.", "/%2f"))


def test_a_star_needs_a_segment():
    assert ExemptPaths(["/*"]).matches("/x/y")
    assert not ExemptPaths(["/*"]).matches("/")
    assert not ExemptPaths(["/a/*"]).matches("/a/")


def test_characters_of_regular_expressions_mean_themselves():
    assert ExemptPaths(["/a+(b)"]).matches("/a+(b)")
    assert not ExemptPaths(["/a.b"]).matches("/axb")


def test_no_patterns_exempt_nothing():
    nothing = ExemptPaths()
    assert not nothing
    assert not nothing.matches("")
    assert not nothing.matches("/")


def test_the_patterns_can_be_listed():
    assert PUBLIC
    assert PUBLIC.patterns[:2] == ("/public", "/healthz")
    assert repr(ExemptPaths(["/a"])) == "ExemptPaths(('/a',))"


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "public",
        "*",
        "//x",
        "/a//b",
        "/a//",
        "/..",
        "/a/../b",
        "/a/.",
        "/a;b",
        "/a%20b",
        "/a\\b",
        "/a\n",
        "http://x/a",
    ],
)
def test_an_ambiguous_pattern_is_refused(pattern):
    with pytest.raises(ValueError, match="exempt path"):
        ExemptPaths(["/fine", pattern])


@pytest.mark.parametrize("pattern", ["/pub*", "/**", "/a/*.css", "/a/*b/c"])
def test_a_star_that_is_only_part_of_a_segment_is_refused(pattern):
    with pytest.raises(ValueError, match="whole segment"):
        ExemptPaths([pattern])


patterns = st.lists(st.sampled_from(["api", "v1", "*", "a", "A"]), max_size=3).map(lambda parts: "/" + "/".join(parts))


def begins_with(segments, declared):
    pairs = zip(declared, segments, strict=False)
    return len(segments) >= len(declared) and all(a in ("*", b) for a, b in pairs)


@given(st.lists(patterns, min_size=1, max_size=3), st.one_of(tricky_paths, st.text(max_size=12)))
def test_whatever_is_exempt_begins_with_the_segments_of_a_declared_pattern(declared, path):
    if not ExemptPaths(declared).matches(path):
        return
    segments = path.split("/")[1:]
    assert path.startswith("/")
    assert any(path == "/" if own == "/" else begins_with(segments, own.split("/")[1:]) for own in declared)
    assert not {".", ".."} & set(segments)
    assert not re.search(r"//|[\\%;\x00-\x1f\x7f-\x9f]", path)


@given(patterns, st.lists(st.sampled_from(["x", "api", "a.b"]), max_size=3))
def test_what_lies_below_a_pattern_is_exempt(pattern, below):
    exempt = ExemptPaths([pattern])
    path = pattern.replace("*", "any")
    assert exempt.matches(path)
    assert pattern == "/" or exempt.matches("/".join([path, *below]))
