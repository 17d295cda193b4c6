"""What a type checker tells users of the public face; checked by mypy, never run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_type

from asgi_auth import (
    Auth,
    AuthConfig,
    AuthContext,
    AuthError,
    Feature,
    Guard,
    Proof,
    Protect,
    Services,
    Session,
    SessionMiddleware,
    SessionOptions,
    SocialOptions,
    User,
    all_of,
    auth_context,
    either,
    require_session,
    require_user,
)
from asgi_auth.asgi.types import ASGIApp, Scope
from asgi_auth.fields import view
from asgi_auth.providers import GitHub, Google, Microsoft, Profile


class Member(User, frozen=True, kw_only=True):
    company: str | None = None


class Mailer:
    async def send(self, address: str) -> None: ...


class Mail(Feature):
    name = "mail"

    def install(self, services: Services) -> None:
        services.add(Mailer())


def configuration_is_checked_field_by_field() -> None:
    config = AuthConfig.production(database="postgresql://db/app", base_url="https://example.com", secret="s" * 32)
    assert_type(config, AuthConfig)
    assert_type(config.session, SessionOptions)
    AuthConfig.development(database="sqlite://", sesion=SessionOptions())  # type: ignore[call-arg]
    AuthConfig.testing(trusted_origins="https://example.com")  # type: ignore[arg-type]


def the_context_says_who_is_asking(scope: Scope) -> None:
    context = auth_context(scope)
    assert_type(context, AuthContext)
    assert_type(context.user, User | None)
    assert_type(context.session, Session | None)
    assert_type(context.error, AuthError | None)
    assert_type(context.is_authenticated, bool)


def guards_give_their_proof(scope: Scope, app: ASGIApp) -> None:
    guard = either(require_session(), all_of(require_user()))
    assert_type(guard, Guard)
    assert_type(guard.check(scope), Proof)
    Protect(app, guard)
    Protect(app, "user")  # type: ignore[arg-type]


def wrapping_gives_an_application(auth: Auth, app: ASGIApp) -> None:
    assert_type(auth.wrap(app, cors=True), ASGIApp)
    assert_type(SessionMiddleware(app, auth.services, required=True).app, ASGIApp)
    SessionMiddleware(app, auth.services, on_fault="ignore")  # type: ignore[arg-type]


async def services_speak_in_records(auth: Auth) -> None:
    live = await auth.services.sessions.get_session("token")
    assert_type(live.session, Session)
    assert_type(live.user, User)
    assert_type(await auth.services.sessions.list_user_sessions("id"), list[Session])
    assert_type((await auth.services.passwords.sign_up("a@example.com", "password", "A")).session, Session | None)
    assert_type(auth.services.get(Mailer), Mailer)


def a_feature_reads_its_own_fields_typed(user: User, features: Sequence[Feature]) -> None:
    assert_type(view(user, Member).company, str | None)
    Auth(AuthConfig.testing(user_model=Member), features=features)


def providers_know_their_own_options() -> None:
    google = Google(client_id="a", client_secret="b", hd="*", map_profile=lambda person: replace(person, name="A"))
    assert_type(google.profile({"sub": "1"}), Profile)
    SocialOptions(providers=(google, Microsoft(client_id="a")))
    Google(client_id="a", access_type="sometimes")  # type: ignore[arg-type]
    GitHub(client_id="a", hd="example.com")  # type: ignore[call-arg]
