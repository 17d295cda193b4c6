"""An option of the wrong type is refused in one sentence that says what it is, when the configuration is built."""

from datetime import timedelta

import pytest

from asgi_auth import (
    AuthConfig,
    ClientAddressOptions,
    ConfigurationError,
    CookieOptions,
    MailOptions,
    RateLimit,
    RateLimitOptions,
    RequestOptions,
    SessionOptions,
    SocialOptions,
)
from asgi_auth.providers import Google
from tests.support import SECRET

GOOGLE = Google(client_id="id", client_secret="secret")


def config(**fields):
    return AuthConfig(database="sqlite://", **{"secret": SECRET, **fields})


def social(**fields):
    return SocialOptions(providers=(Google(client_id="id", client_secret="secret", **fields),))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: SessionOptions(lifetime=3600), "session.lifetime: timedelta"),
        (lambda: SessionOptions(max_per_user="5"), "session.max_per_user: int or None"),
        (lambda: SessionOptions(max_per_user=True), "session.max_per_user: int or None"),
        (lambda: SessionOptions(is_refreshed="no"), "session.is_refreshed: bool"),
        (
            lambda: SessionOptions(require_fresh_for={"name"}),
            'session.require_fresh_for: a frozenset of "email" or "password" or None',
        ),
        (lambda: RateLimit(10, 60), "RateLimit.window: timedelta"),
        (
            lambda: RateLimitOptions(rules={"/sign-in/*": (3, 10)}),
            "rate_limits.rules: a mapping of str to RateLimit or None",
        ),
        (lambda: CookieOptions(same_site="lax"), 'cookies.same_site: "Lax", "Strict" or "None"'),
        (lambda: MailOptions(sender="smtp"), 'mail.sender: a callable, "log" or None'),
        (lambda: ClientAddressOptions(trusted_proxies="10.0.0.0/8"), "client_address.trusted_proxies: a tuple of str"),
        (lambda: SocialOptions(providers=GOOGLE), "social.providers: a tuple of Provider"),
        (lambda: SocialOptions(providers=(Google,)), "social.providers: a tuple of Provider"),
        (lambda: social(scopes="openid email"), "google.scopes: a tuple of str"),
        (lambda: social(map_profile="name"), "google.map_profile: a callable or None"),
        (lambda: config(secret=b"k" * 32), "secret: str or None"),
        (lambda: config(cookie_cache=True), "cookie_cache: CookieCacheOptions"),
        (lambda: config(rate_limits=False), 'rate_limits: RateLimitOptions or "compatible"'),
        (lambda: config(user_model=dict), "user_model: a subclass of User"),
        (lambda: config(environment="prod"), 'environment: "development", "production" or "testing"'),
    ],
)
def test_what_it_is_is_told(build, sentence):
    with pytest.raises(ConfigurationError) as refused:
        build()
    assert str(refused.value) == sentence


def test_lists_and_sets_will_do():
    assert social(scopes=["openid"]).providers[0].scopes == ["openid"]
    RequestOptions(disabled_paths={"/ok"})
    SessionOptions(lifetime=timedelta(days=2), require_fresh_for={"email"})


def test_a_subclass_may_have_annotations_that_are_known_to_type_checkers_only():
    class Own(AuthConfig):
        notes: "Unknown" = None  # noqa: F821

    assert Own.testing().environment == "testing"
