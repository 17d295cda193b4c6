"""Better Auth's options, as the conformance harness writes them, in the words of AuthConfig."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec

from asgi_auth import (
    AccountOptions,
    AuthConfig,
    BearerOptions,
    ClientAddressOptions,
    CookieCacheOptions,
    CookieOptions,
    CookieOverride,
    DeletionOptions,
    EmailOptions,
    FieldRules,
    MailOptions,
    OpenApiOptions,
    PasswordOptions,
    RateLimit,
    RateLimitOptions,
    RequestOptions,
    SecondaryStorageOptions,
    Secret,
    Session,
    SessionOptions,
    SocialOptions,
    User,
)
from asgi_auth.mails import Sender
from asgi_auth.providers import GenericOAuth, GitHub, Google, Provider

SECRET = "oracle-test-secret-0123456789abcdefghijklmnop"

FEATURES = frozenset({"apiKey", "jwt"})
"""Plugins that are features of ours."""

Options = Mapping[str, Any]


class Reader:
    """A group of options that tells on standard error which of them nobody asked for."""

    def __init__(self, given: Options | None, path: str = "") -> None:
        self._given = dict(given or {})
        self._path = path

    def take(self, name: str, default: Any = None) -> Any:
        return self._given.pop(name, default)

    def group(self, name: str) -> Reader:
        return Reader(self._given.pop(name, None), f"{self._path}{name}.")

    def fill(self, names: Mapping[str, str], convert: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
        """The options that are given, by our name for them."""
        return {ours: convert(self._given.pop(theirs)) for theirs, ours in names.items() if theirs in self._given}

    def done(self) -> None:
        for name in self._given:
            tell_ignored(f"{self._path}{name}")


def tell_ignored(option: str) -> None:
    sys.stderr.write(f"ignored: {option}\n")


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def build_config(document: Options, *, base_url: str, database: str, send: Sender) -> AuthConfig:
    options = Reader(document.get("options"), "options.")
    plugins = Plugins(document)
    advanced = options.group("advanced")
    email_and_password, verification = options.group("emailAndPassword"), options.group("emailVerification")
    user, session = options.group("user"), options.group("session")
    config = AuthConfig.compatible(
        database=database,
        base_url=base_url,
        app_name="Oracle",
        secrets=tuple(Secret(each["value"], each["version"]) for each in document.get("secrets", ())),
        secret=document.get("secret", SECRET),
        trusted_origins=tuple(options.take("trustedOrigins", ())),
        user_model=extended(User, user.group("additionalFields")),
        session_model=extended(Session, session.group("additionalFields")),
        mail=MailOptions(sender=send),
        password=password_options(email_and_password, tells=bool(document.get("onExistingUserSignUp"))),
        email=email_options(verification, user.group("changeEmail"), document),
        deletion=deletion_options(user.group("deleteUser"), document),
        cookie_cache=cookie_cache_options(session.group("cookieCache")),
        session=session_options(session),
        accounts=account_options(options.group("account")),
        social=SocialOptions(
            providers=(*social_providers(options.group("socialProviders")), *plugins.generic_oauth()),
            allows_private_addresses=True,
        ),
        bearer=plugins.bearer(),
        openapi=OpenApiOptions(is_enabled=plugins.has("openAPI")),
        rate_limits=rate_limit_options(document.get("rateLimit")),
        client_address=client_address_options(advanced.group("ipAddress")),
        cookies=cookie_options(advanced),
        request=RequestOptions(disabled_paths=frozenset(options.take("disabledPaths", ()))),
        **secondary_storage(document),
    )
    for group in (options, advanced, email_and_password, verification, user, session):
        group.done()
    plugins.done()
    return config


def secondary_storage(document: Options) -> dict[str, Any]:
    """Sessions in the Redis that TARGET_REDIS names, where the document asks for a secondary storage."""
    url = os.environ.get("TARGET_REDIS")
    if not document.get("secondary") or url is None:
        return {}
    return {"redis": url, "secondary_storage": SecondaryStorageOptions(is_enabled=True)}


class Plugins:
    """The plugins; those that are missing here are switched off on both sides when the harness runs."""

    def __init__(self, document: Options) -> None:
        self._plugins = dict(document.get("plugins", {}))

    def has(self, name: str) -> bool:
        return self._plugins.pop(name, {}) is not False

    def bearer(self) -> BearerOptions:
        given = self._plugins.pop("bearer", {})
        if given is False:
            return BearerOptions(is_enabled=False)
        return BearerOptions(requires_signature=given.get("requireSignature", False))

    def generic_oauth(self) -> tuple[Provider, ...]:
        given = self._plugins.pop("genericOAuth", {})
        if given is False:
            return ()
        provider = {"providerId": "fake", "clientId": "fake-client", "clientSecret": "fake-secret", **given}
        return (
            GenericOAuth(
                id=provider["providerId"],
                client_id=provider["clientId"],
                client_secret=provider["clientSecret"],
                authorization_url=provider.get("authorizationUrl"),
                token_url=provider.get("tokenUrl"),
                user_info_url=provider.get("userInfoUrl"),
                discovery_url=provider.get("discoveryUrl"),
                end_session_url=provider.get("endSessionEndpoint"),
                signs_out=not provider.get("disableProviderLogout", False),
                sign_out_redirect_uri=provider.get("postLogoutRedirectURI"),
                scopes=tuple(provider.get("scopes", ("openid", "email"))),
                uses_pkce=provider.get("pkce", True),
            ),
        )

    def done(self) -> None:
        for name, given in self._plugins.items():
            if given is not False and name not in FEATURES:
                tell_ignored(f"plugins.{name}")


def password_options(given: Reader, *, tells: bool) -> PasswordOptions:
    names = {
        "enabled": "is_enabled",
        "minPasswordLength": "min_length",
        "maxPasswordLength": "max_length",
        "autoSignIn": "signs_in_after_sign_up",
        "requireEmailVerification": "requires_verified_email",
        "revokeSessionsOnPasswordReset": "revokes_sessions_on_reset",
    }
    filled = given.fill(names) | given.fill({"resetPasswordTokenExpiresIn": "reset_lifetime"}, seconds)
    return PasswordOptions(
        allows_sign_up=not given.take("disableSignUp", False),
        tells_existing_user=tells,
        **filled,
    )


def email_options(verification: Reader, change: Reader, document: Options) -> EmailOptions:
    names = {
        "sendOnSignUp": "verifies_on_sign_up",
        "sendOnSignIn": "verifies_on_sign_in",
        "autoSignInAfterVerification": "signs_in_after_verification",
    }
    filled = verification.fill(names) | verification.fill({"expiresIn": "verification_lifetime"}, seconds)
    changes = change.fill({"updateEmailWithoutVerification": "changes_unverified_at_once"})
    return EmailOptions(
        allows_change=change.take("enabled", True),
        confirms_change=bool(document.get("changeEmailConfirmation")),
        **filled,
        **changes,
    )


def deletion_options(given: Reader, document: Options) -> DeletionOptions:
    return DeletionOptions(
        is_allowed=given.take("enabled", True),
        is_confirmed=bool(document.get("deleteVerification")),
        **given.fill({"deleteTokenExpiresIn": "lifetime"}, seconds),
    )


def session_options(given: Reader) -> SessionOptions:
    names = {"expiresIn": "lifetime", "updateAge": "refresh_after", "freshAge": "fresh_for"}
    return SessionOptions(
        is_refreshed=not given.take("disableSessionRefresh", False),
        defers_refresh=given.take("deferSessionRefresh", False),
        **given.fill(names, seconds),
    )


def cookie_cache_options(given: Reader) -> CookieCacheOptions:
    return CookieCacheOptions(
        **given.fill({"enabled": "is_enabled", "strategy": "strategy", "version": "version"}),
        **given.fill({"maxAge": "lifetime"}, seconds),
    )


def account_options(given: Reader) -> AccountOptions:
    linking = given.group("accountLinking")
    names = {
        "enabled": "links",
        "requireLocalEmailVerified": "requires_verified_local_email",
        "allowDifferentEmails": "links_other_emails",
        "updateUserInfoOnLink": "updates_user_on_link",
        "allowUnlinkingAll": "unlinks_last",
    }
    return AccountOptions(
        links_by_email=not linking.take("disableImplicitLinking", False),
        trusted_providers=frozenset(linking.take("trustedProviders", ())),
        **linking.fill(names),
        **given.fill(
            {
                "updateAccountOnSignIn": "updates_tokens_on_sign_in",
                "encryptOAuthTokens": "encrypts_tokens",
                "storeAccountCookie": "has_cookie",
            }
        ),
    )


def social_providers(given: Reader) -> tuple[Provider, ...]:
    kinds = {"google": Google, "github": GitHub}
    providers = []
    for name, kind in kinds.items():
        credentials = {"clientId": f"{name}-client", "clientSecret": f"{name}-secret", **given.take(name, {})}
        providers.append(kind(client_id=credentials["clientId"], client_secret=credentials["clientSecret"]))
    given.done()
    return tuple(providers)


def rate_limit_options(given: bool | Options | None) -> RateLimitOptions:  # noqa: FBT001
    group = Reader(given if isinstance(given, Mapping) else {"enabled": bool(given)}, "rateLimit.")
    most, window, storage = group.take("max", 100), group.take("window", 10), group.take("storage", None)
    rules = {path: limit(rule) for path, rule in group.take("customRules", {}).items()}
    options = RateLimitOptions(
        is_enabled=group.take("enabled", False),
        general=RateLimit(most, seconds(window)),
        rules=rules,
        storage="redis" if storage == "secondary-storage" else storage,
        failed_sign_ins=None,
        failed_sign_ins_per_account=None,
        mails_per_address=None,
    )
    group.done()
    return options


def limit(rule: bool | Options) -> RateLimit | None:  # noqa: FBT001
    return RateLimit(rule["max"], seconds(rule["window"])) if isinstance(rule, Mapping) else None


def client_address_options(given: Reader) -> ClientAddressOptions:
    names = {"ipAddressHeaders": "headers", "trustedProxies": "trusted_proxies"}
    return ClientAddressOptions(uses_peer=False, **given.fill(names, tuple))


def cookie_options(advanced: Reader) -> CookieOptions:
    names = {"useSecureCookies": "is_secure", "cookiePrefix": "prefix"}
    filled = advanced.fill(names)
    across = advanced.group("crossSubDomainCookies")
    attributes = advanced.group("defaultCookieAttributes")
    same_site = attributes.take("sameSite", "lax").capitalize()
    # Better Auth's default reaches the state cookie as well, which ours leaves Lax: strict, it never comes back.
    overrides = {"state": CookieOverride(same_site=same_site)}
    overrides |= {key: cookie_override(Reader(given)) for key, given in advanced.take("cookies", {}).items()}
    return CookieOptions(
        forbids_caching=False,
        spans_subdomains=across.take("enabled", False),
        domain=across.take("domain"),
        same_site=same_site,
        overrides=overrides,
        **filled,
    )


def cookie_override(given: Reader) -> CookieOverride:
    attributes = given.group("attributes")
    return CookieOverride(name=given.take("name"), **attributes.fill({"path": "path", "domain": "domain"}))


def extended(kind: type[Any], given: Reader) -> type[Any]:
    """A subclass of a record with Better Auth's additional fields."""
    types = {"string": str, "number": float, "boolean": bool}
    fields = []
    for name in list(given._given):
        rules = given.take(name)
        bare = types[rules["type"]]
        annotation = Annotated[
            bare | None, FieldRules(input=rules.get("input", True), returned=rules.get("returned", True))
        ]
        fields.append((name, annotation, rules.get("defaultValue")))
    if not fields:
        return kind
    return msgspec.defstruct(kind.__name__, fields, bases=(kind,), kw_only=True, frozen=True, rename="camel")
