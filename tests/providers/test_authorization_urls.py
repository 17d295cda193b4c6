"""People are sent to every provider with the parameters of Better Auth's server, in its order."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from asgi_auth.clock import utc_now
from asgi_auth.oauth.client import AuthorizationRequest, OAuthClient
from asgi_auth.providers import (
    Apple,
    Discord,
    Facebook,
    GitHub,
    GitLab,
    Google,
    LinkedIn,
    Microsoft,
    Slack,
    Spotify,
    Twitch,
    X,
)

CLIENT = {"client_id": "x", "client_secret": "y"}
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PKCE = {"code_challenge_method": "S256", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}
ALL_CLAIMS = '{"id_token":{"email":null,"email_verified":null,"preferred_username":null,"picture":null}}'

# what a running Better Auth server sent people away with
PLAIN = [
    (
        Google(**CLIENT),
        "https://accounts.google.com/o/oauth2/v2/auth",
        "email profile openid",
        {**PKCE, "include_granted_scopes": "true"},
    ),
    (GitHub(**CLIENT), "https://github.com/login/oauth/authorize", "read:user user:email", PKCE),
    (
        Microsoft(**CLIENT),
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "openid profile email User.Read offline_access",
        PKCE,
    ),
    (
        Apple(**CLIENT),
        "https://appleid.apple.com/auth/authorize",
        "email name",
        {"response_mode": "form_post", **PKCE},
    ),
    (Discord(**CLIENT), "https://discord.com/api/oauth2/authorize", "identify email", {"prompt": "none"}),
    (GitLab(**CLIENT), "https://gitlab.com/oauth/authorize", "read_user", PKCE),
    (LinkedIn(**CLIENT), "https://www.linkedin.com/oauth/v2/authorization", "profile email openid", {}),
    (Slack(**CLIENT), "https://slack.com/openid/connect/authorize", "openid profile email", {}),
    (Spotify(**CLIENT), "https://accounts.spotify.com/authorize", "user-read-email", PKCE),
    (Facebook(**CLIENT), "https://www.facebook.com/v24.0/dialog/oauth", "email public_profile", {}),
    (Twitch(**CLIENT), "https://id.twitch.tv/oauth2/authorize", "user:read:email openid", {"claims": ALL_CLAIMS}),
    (X(**CLIENT), "https://x.com/i/oauth2/authorize", "users.read tweet.read offline.access users.email", PKCE),
]

HINT = {"login_hint": "a@b.c"}
WITH_OPTIONS = [
    (
        Google(**CLIENT, prompt="select_account consent", access_type="offline", hd="a.test"),
        "https://accounts.google.com/o/oauth2/v2/auth",
        "email profile openid",
        HINT
        | {"prompt": "select_account consent", "hd": "a.test", "access_type": "offline"}
        | PKCE
        | {"include_granted_scopes": "true"},
    ),
    (
        GitHub(**CLIENT, prompt="select_account", more_scopes=("repo",)),
        "https://github.com/login/oauth/authorize",
        "read:user user:email repo",
        HINT | {"prompt": "select_account"} | PKCE,
    ),
    (
        Microsoft(
            **CLIENT,
            prompt="select_account",
            tenant_id="72f988bf-86f1-41af-91ab-2d7cd011db47",
            authority="https://auth.test",
        ),
        "https://auth.test/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/authorize",
        "openid profile email User.Read offline_access",
        HINT | {"prompt": "select_account"} | PKCE,
    ),
    (
        Apple(**CLIENT),
        "https://appleid.apple.com/auth/authorize",
        "email name",
        {"response_mode": "form_post", **PKCE},
    ),
    (
        Discord(**CLIENT, prompt="consent", permissions=8),
        "https://discord.com/api/oauth2/authorize",
        "identify email",
        {"prompt": "consent", "permissions": "8"},
    ),
    (
        GitLab(**CLIENT, issuer="https://git.test/sub/"),
        "https://git.test/sub/oauth/authorize",
        "read_user",
        HINT | PKCE,
    ),
    (LinkedIn(**CLIENT), "https://www.linkedin.com/oauth/v2/authorization", "profile email openid", HINT),
    (Slack(**CLIENT), "https://slack.com/openid/connect/authorize", "openid profile email", {}),
    (Spotify(**CLIENT), "https://accounts.spotify.com/authorize", "user-read-email", PKCE),
    (
        Facebook(**CLIENT, config_id="cc"),
        "https://www.facebook.com/v24.0/dialog/oauth",
        "email public_profile",
        HINT | {"config_id": "cc"},
    ),
    (Twitch(**CLIENT), "https://id.twitch.tv/oauth2/authorize", "user:read:email openid", {"claims": ALL_CLAIMS}),
    (X(**CLIENT), "https://x.com/i/oauth2/authorize", "users.read tweet.read offline.access users.email", PKCE),
]


async def sent_to(provider, **request):
    client = OAuthClient([provider], clock=utc_now, timeout=timedelta(seconds=1), allows_private_addresses=False)
    redirect_uri = f"https://app.test/api/auth/callback/{provider.id}"
    url = urlsplit(
        await client.authorization_url(
            provider, AuthorizationRequest(state="s", redirect_uri=redirect_uri, code_verifier=VERIFIER, **request)
        )
    )
    return f"{url.scheme}://{url.netloc}{url.path}", parse_qsl(url.query, strict_parsing=True)


def expected_params(provider, scope, rest):
    return [
        ("response_type", "code id_token" if provider.id == "apple" else "code"),
        ("client_id", "x"),
        ("state", "s"),
        ("scope", scope),
        ("redirect_uri", f"https://app.test/api/auth/callback/{provider.id}"),
        *rest.items(),
    ]


def each(rows):
    return pytest.mark.parametrize(
        ("provider", "url", "scope", "rest"), rows, ids=lambda value: getattr(value, "id", "")
    )


@each(PLAIN)
async def test_people_are_sent_with_what_the_provider_needs(provider, url, scope, rest):
    assert await sent_to(provider) == (url, expected_params(provider, scope, rest))


@each(WITH_OPTIONS)
async def test_and_with_what_options_and_request_add(provider, url, scope, rest):
    sent = await sent_to(provider, scopes=("extra",), login_hint="a@b.c", params={"foo": "bar"})
    assert sent == (url, expected_params(provider, f"{scope} extra", {**rest, "foo": "bar"}))


@each(PLAIN)
async def test_the_applications_own_scopes_have_their_place(provider, url, scope, rest):
    _, params = await sent_to(replace(provider, more_scopes=("ours",)), scopes=("extra",))
    added = "extra ours" if provider.id in {"discord", "slack"} else "ours extra"
    assert dict(params)["scope"] == f"{scope} {added}"


@each(PLAIN)
async def test_the_defaults_can_be_left_out(provider, url, scope, rest):
    _, params = await sent_to(replace(provider, scopes=("only",)))
    assert dict(params)["scope"] == "only"


@each(PLAIN)
async def test_no_secret_is_in_the_url(provider, url, scope, rest):
    _, params = await sent_to(provider)
    values = [value for _, value in params]
    assert provider.client_secret not in values
    assert VERIFIER not in values


def test_every_provider_keeps_its_id_for_accounts_that_better_auth_made():
    assert [provider.id for provider, *_ in PLAIN] == [
        "google",
        "github",
        "microsoft",
        "apple",
        "discord",
        "gitlab",
        "linkedin",
        "slack",
        "spotify",
        "facebook",
        "twitch",
        "twitter",
    ]


def test_id_tokens_of_apps_are_taken_where_better_auth_takes_them():
    takes = {provider.id for provider, *_ in PLAIN if provider.accepts_id_tokens}
    assert takes == {"google", "microsoft", "apple", "facebook"}
    assert all(provider.has_id_tokens for provider, *_ in PLAIN if provider.accepts_id_tokens)


def test_nothing_is_ever_asked_for_without_encryption():
    for provider, *_ in PLAIN:
        urls = [provider.authorization_url, provider.token_url, provider.user_info_url, provider.jwks_url]
        assert all(url.startswith("https://") for url in [*urls, *provider.more_claims.values()] if url)
        assert provider.token_url
        assert provider.user_info_url or provider.jwks_url
