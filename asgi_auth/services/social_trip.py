"""One trip to a provider: what is asked for, what comes back, where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asgi_auth.models import Account
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers.base import Claims
from asgi_auth.services.sign_in import SignedIn


class CallbackRefused(Exception):
    """What came back from a provider leads to no sign-in; ``code`` is the contract's word for why.

    With ``is_fault`` the provider could not be asked, which says nothing of whoever came back.
    """

    def __init__(self, code: str, description: str | None = None, *, is_fault: bool = False) -> None:
        self.code = code
        self.description = description
        self.is_fault = is_fault
        super().__init__(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialRequest:
    """What somebody who wants to go to a provider asks for.

    Attributes:
        provider_id: which one.
        base_url: where people find the endpoints; the answer comes back below it.
        callback_url: where to go in the end.
        error_url: where to go instead if that fails; None for the default page.
        new_user_url: where new users go instead of ``callback_url``.
        scopes: asked for beside the provider's own.
        login_hint: an address the provider may fill in.
        requests_sign_up: a new account is wanted.
        params: further parameters of the provider's URL.
        added: the client's own data, kept with the state.
    """

    provider_id: str
    base_url: str
    callback_url: str
    error_url: str | None = None
    new_user_url: str | None = None
    scopes: tuple[str, ...] = ()
    login_hint: str | None = None
    requests_sign_up: bool | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where to send somebody, and the state to bind to the browser."""

    url: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """What a provider sends people back with (RFC 6749, 4.1.2; RFC 9207).

    Attributes:
        provider_id: whose callback it came to.
        base_url: where people find the endpoints.
        code: to be exchanged for tokens.
        error: why there is none.
        error_description: the same for people.
        issuer: who says so.
        given: what the provider tells of the person beside its tokens.
    """

    provider_id: str
    base_url: str
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    error_description: str | None = None
    issuer: str | None = None
    given: Claims | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedIdToken:
    """An ID token that an application got by itself, from the provider's own kit.

    Attributes:
        provider_id: whose it is.
        tokens: with the ID token among them.
        nonce: what it has to repeat.
        given: what the kit tells of the person beside it.
        added: the client's own data, passed on to listeners.
    """

    provider_id: str
    tokens: Tokens
    nonce: str | None = field(default=None, repr=False)
    given: Claims | None = None
    added: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Somebody who was let in, and the account by which."""

    signed_in: SignedIn
    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where somebody who came back goes; ``entry`` is None where an account was linked."""

    url: str
    entry: Entry | None = None
