"""What counts as a session cookie or a bearer token in front of the application."""

import pytest

from tests.endpoints.wire import exchange, http
from tests.middleware.people import compose, welcome
from tests.support import SESSION_COOKIE, cookie_header, whoami

SECURE = f"__Secure-{SESSION_COOKIE}"

GOOD = [
    "{cookie}",
    "a=1; {cookie}",
    "{cookie}; a=1",
    "x[1]=2; {cookie}",
    'j={{"a":1}}; {cookie}',
    "n=\xe9; {cookie}",
    "flag; {cookie}",
    "p=a b; {cookie}",
    "path=/; {cookie}",
    "=; ;; {cookie};",
    "{name}=forged.AAAA; {cookie}",
    "{name}=; {cookie}",
    "{cookie}; {name}=forged.AAAA",
    '{name}="{value}"',
    "{name}={plain}",
    " {cookie} ",
    "a=" + "x" * 8000 + "; {cookie}",
]

REFUSED = [
    "{name}={token}",
    "{name}={token}.",
    "{name}=.{signature}",
    "{name}={token}.{signature}x",
    "{name}={token}.{swapped}",
    "{name}={token}x.{signature}",
    "{name}={signature}.{token}",
    "{name}={token}.{signature}.{signature}",
    "{name}=%00",
    "{name}=%",
    "{name}={mark}",
    "{name}=" + "x" * 10_000,
]

NONE = [
    "",
    "{name}",
    "{name}=",
    "{name}x={value}",
    "x{name}={value}",
    "better-auth.SESSION_TOKEN={value}",
    "__Secure-{name}={value}",
    "__Host-{name}={value}",
    "session_token={value}",
    "{name}_multi-x={value}",
    "a={cookie}",
]


def filled(auth, ada, form):
    cookie = ada.cookie[1]
    signed = auth.services.signer.sign(ada.token)
    signature = signed.partition(".")[2]
    return form.format(
        cookie=cookie,
        name=SESSION_COOKIE,
        value=cookie.partition("=")[2],
        plain=signed,
        token=ada.token,
        signature=signature,
        swapped=signature.swapcase(),
        mark=auth.services.signer.sign("true"),
    )


async def ask(auth, headers):
    return (await exchange(compose(whoami, auth, ["session"]), http(headers=headers))).json()


async def test_a_good_cookie_counts_among_odd_neighbours(quick, ada):
    for form in GOOD:
        answer = await ask(quick, [("cookie", filled(quick, ada, form))])
        assert answer["email"] == "ada@example.com", form


async def test_a_cookie_that_does_not_hold_is_refused(quick, ada):
    for form in REFUSED:
        answer = await ask(quick, [("cookie", filled(quick, ada, form))])
        assert (answer["subject"], answer["credential"], answer["error"]) == (None, "session", "UNAUTHORIZED"), form


async def test_other_cookies_are_no_credential(quick, ada):
    for form in NONE:
        answer = await ask(quick, [("cookie", filled(quick, ada, form))])
        assert (answer["subject"], answer["credential"], answer["error"]) == (None, None, None), form


async def test_a_signature_cut_short_does_not_hold(quick, ada):
    signed = quick.services.signer.sign(ada.token)
    for length in range(1, 44):
        answer = await ask(quick, [("cookie", f"{SESSION_COOKIE}={signed[:-length]}")])
        assert answer["error"] == "UNAUTHORIZED"


@pytest.mark.parametrize("order", [1, -1])
async def test_a_cookie_header_split_in_two_is_one(quick, ada, order):
    headers = [("cookie", "a=1"), ada.cookie][::order]
    assert (await ask(quick, headers))["email"] == "ada@example.com"
    halves = [("cookie", f"{SESSION_COOKIE}=forged"), ada.cookie][::order]
    assert (await ask(quick, halves))["email"] == "ada@example.com"


async def test_header_names_in_capitals_count_as_well(quick, ada):
    assert (await ask(quick, [("Cookie", ada.cookie[1])]))["email"] == "ada@example.com"


async def test_over_https_only_the_secure_name_counts(make_auth):
    auth = make_auth(base_url="https://app.test")
    person = await welcome(auth)
    assert (await ask(auth, [person.cookie]))["credential"] is None
    assert (await ask(auth, [("cookie", cookie_header(auth, person.token, name=SECURE))]))["subject"] == person.user.id


async def test_a_forged_cookie_never_reaches_the_database(quick, ada):
    with quick.services.engine.recorded() as statements:
        for number in range(50):
            forged = f"{SESSION_COOKIE}={ada.token}.{number:043d}="
            assert (await ask(quick, [("cookie", forged)]))["error"] == "UNAUTHORIZED"
    assert statements == []


async def test_a_value_signed_for_something_else_is_no_session(quick, ada):
    for value in ("true", ada.user.id, ada.session.id, "verification:x", f"active-sessions-{ada.user.id}", "*", "%"):
        answer = await ask(quick, [("cookie", cookie_header(quick, value))])
        assert (answer["subject"], answer["error"]) == (None, "UNAUTHORIZED")


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer    "])
async def test_the_scheme_is_read_in_any_case(quick, ada, scheme):
    app = compose(whoami, quick, ["bearer"])
    answer = (await exchange(app, http(headers=[("authorization", f"{scheme}{ada.token}")]))).json()
    assert (answer["email"], answer["credential"]) == ("ada@example.com", "bearer")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer x y", 'Bearer "x"', "Bearer x,Bearer y", "Bearer \xff"])
async def test_a_bearer_token_that_is_none_is_refused(quick, ada, value):
    app = compose(whoami, quick, ["bearer", "session"])
    answer = (await exchange(app, http(headers=[ada.cookie, ("authorization", value)]))).json()
    assert (answer["subject"], answer["credential"], answer["error"]) == (None, "bearer", "UNAUTHORIZED")


@pytest.mark.parametrize("form", ["Basic {}", "{}", "Bearer\t{}", "", "Bearer a.b.c", "Negotiate {}", "Digest {}"])
async def test_other_schemes_are_no_credential(quick, ada, form):
    app = compose(whoami, quick, ["bearer"])
    answer = (await exchange(app, http(headers=[("authorization", form.format(ada.token))]))).json()
    assert (answer["credential"], answer["error"]) == (None, None)


async def test_an_expired_session_is_refused(quick, ada, clock):
    clock.advance(days=7, seconds=1)
    assert (await ask(quick, [ada.cookie]))["error"] == "UNAUTHORIZED"


async def test_a_clock_set_back_refuses_nobody(quick, ada, clock):
    clock.advance(hours=-1)
    assert (await ask(quick, [ada.cookie]))["email"] == "ada@example.com"
