"""What there is to know of a provider: its endpoints, what to ask for, and how it describes a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, Literal

from asgi_auth.clock import Timestamp
from asgi_auth.errors import ConfigurationError
from asgi_auth.providers.claims import Claims, read_flag, read_id, read_link, read_text

__all__ = ["Claims", "ClientAuthentication", "Params", "Profile", "Provider"]

ClientAuthentication = Literal["client_secret_post", "client_secret_basic", "none"]

Params = Mapping[str, str]

_NO_PARAMS: Params = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A person as a provider knows them.

    Attributes:
        id: who it is there, for ever; never an address.
        email: None where the provider tells none.
        is_email_verified: the provider has seen that the address is that person's.
        name: "" where the provider tells none.
        image: a URL.
        claims: all that the provider said.
    """

    id: str
    email: str | None = None
    is_email_verified: bool = False
    name: str = ""
    image: str | None = None
    claims: Claims = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A service whose accounts people sign in with. Subclasses know the endpoints and override what is different.

    The URL that people are sent to holds, in this order: response_type, client_id, state, scope (``requested_scopes``),
    redirect_uri, login_hint, nonce, ``option_params``, response_mode, code_challenge_method, code_challenge,
    ``authorization_params``, and what the request adds. Every request to a provider asks for JSON (``Accept``) and
    names its sender (``User-Agent``): GitHub needs both. An answer that holds ``error`` is a refusal, whatever its
    status: GitHub and Slack send theirs with 200.

    Attributes:
        id: its name in paths and in the table of accounts ("google").
        client_id: as the provider gave it.
        client_secret: likewise; None for a public client.
        more_client_ids: of your own mobile and desktop apps: their ID tokens are taken as well.
        scopes: what is asked for; the default is what the provider needs to tell name, address and picture.
        more_scopes: what is asked for beside those.
        authorization_url: where people are sent.
        token_url: where codes are exchanged.
        user_info_url: where the provider describes a person; None where an ID token does.
        user_info_headers: sent there and to ``more_claims`` beside the access token.
        more_claims: claims that the provider tells at URLs of their own, by the name that each gets ("emails"). One
            that it refuses (4xx, but for 408 and 429) is left out; any other trouble is the provider's failure.
        end_session_url: where people are sent who sign out here, to be signed out there too (OpenID Connect
            RP-Initiated Logout 1.0); a provider without one, as most are, is left alone.
        discovery_url: an OpenID Connect discovery document that fills whatever is None of the URLs and the issuer.
        jwks_url: the provider's signing keys, for ID tokens.
        issuers: what ``iss`` of an ID token may be; asked through ``is_issuer``.
        accepts_id_tokens: ``/sign-in/social`` takes an ID token that an app got itself.
        redirect_uri: ours, as registered (default None: ``<base_url><base_path>/callback/<id>``).
        signs_out: signing out here goes on to ``end_session_url``, where there is one.
        sign_out_redirect_uri: where the provider sends people back to whom it has signed out, in full and as registered
            there; what a request asks for (``callbackURL``) goes before it.
        response_type: asked for in the URL; only the code of the answer is ever used.
        uses_pkce: RFC 7636 with S256.
        uses_nonce: OpenID Connect's nonce ties the ID token to the browser.
        takes_login_hint: an address known already goes into the URL.
        response_mode: "form_post" where the provider posts its answer; None for the query.
        client_authentication: how we prove who we are at the token endpoint.
        scope_separator: between scopes in requests.
        authorization_params: added to the URL that people are sent to; what the provider needs itself is there already.
        allows_sign_up: strangers may create an account through it.
        allows_implicit_sign_up: without asking for it (``requestSignUp``).
        requires_verified_email: nobody is let in through it before the address is verified, there or here.
        requires_issuer: an answer that does not name its issuer is refused (RFC 9207); a wrong one always is.
        updates_user_on_sign_in: name and picture follow the provider with each sign-in.
        map_profile: changes what a sign-in takes from the provider; gets the Profile, all claims in it, and returns
            the one to use (``dataclasses.replace(profile, name=profile.claims["nickname"])``).
    """

    id: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    more_client_ids: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    more_scopes: tuple[str, ...] = ()
    authorization_url: str | None = None
    token_url: str | None = None
    user_info_url: str | None = None
    user_info_headers: Params = field(default_factory=lambda: _NO_PARAMS)
    more_claims: Params = field(default_factory=lambda: _NO_PARAMS)
    end_session_url: str | None = None
    discovery_url: str | None = None
    jwks_url: str | None = None
    issuers: tuple[str, ...] = ()
    accepts_id_tokens: bool = False
    redirect_uri: str | None = None
    signs_out: bool = True
    sign_out_redirect_uri: str | None = None
    response_type: str = "code"
    uses_pkce: bool = True
    uses_nonce: bool = False
    takes_login_hint: bool = True
    response_mode: Literal["form_post"] | None = None
    client_authentication: ClientAuthentication = "client_secret_post"
    scope_separator: str = " "
    authorization_params: Params = field(default_factory=lambda: _NO_PARAMS)
    allows_sign_up: bool = True
    allows_implicit_sign_up: bool = True
    requires_verified_email: bool = False
    requires_issuer: bool = False
    updates_user_on_sign_in: bool = False
    map_profile: Callable[[Profile], Profile] | None = field(default=None, repr=False)

    fixed_params: ClassVar[Params] = _NO_PARAMS
    """What this provider always needs among ``authorization_params``."""

    def __post_init__(self) -> None:
        if not self.client_id:
            raise ConfigurationError(f"{self.id}: client_id is missing")
        if self.fixed_params:
            self._set(authorization_params={**self.fixed_params, **self.authorization_params})

    @property
    def has_id_tokens(self) -> bool:
        """Whether ID tokens of this provider can be verified: its keys are known, or where they are told."""
        return self.jwks_url is not None or self.discovery_url is not None

    @property
    def may_sign_out(self) -> bool:
        """Whether signing out here may go on there; its discovery document may have the last word."""
        return self.signs_out and bool(self.end_session_url or self.discovery_url)

    def requested_scopes(self, more: Sequence[str] = ()) -> tuple[str, ...]:
        """What is asked for: ``scopes``, ``more_scopes``, then what a request adds (Better Auth contract)."""
        return (*self.scopes, *self.more_scopes, *more)

    def option_params(self) -> Params:
        """Parameters of the URL that this provider's own options decide (prompt, hd); they travel before PKCE's."""
        return _NO_PARAMS

    def current_secret(self, now: Timestamp) -> str | None:
        """The secret for a request to the token endpoint made now; None for a public client."""
        del now
        return self.client_secret

    def is_issuer(self, issuer: str, claims: Claims) -> bool:
        """Whether an ID token of these claims, whose signature is good, may be of this ``iss``.

        Where the issuer holds a part that differs (Microsoft's tenant), the whole of it is compared all the same
        (OpenID Connect Core, 3.1.3.7, rule 2).
        """
        del claims
        return issuer in self.issuers

    def with_given(self, claims: Claims, given: Claims) -> Claims:
        """The claims together with what came beside them through the browser (``user`` of the callback).

        Nobody signed that, so the default takes nothing from it. Called before ``profile``.
        """
        del given
        return claims

    def profile(self, claims: Claims) -> Profile:
        """A person, from what the provider says; raises KeyError, TypeError or ValueError where it says too little."""
        if not isinstance(claims, Mapping):
            raise TypeError(f"{self.id} describes nobody")
        profile = self.read(claims)
        if self.map_profile is not None:
            profile = self.map_profile(profile)
        # Without an id, all of them would be the same person.
        return replace(profile, id=read_id({"id": profile.id}, "id"))

    def read(self, claims: Claims) -> Profile:
        """What ``profile`` begins with; subclasses say here how their provider puts things.

        The default reads OpenID Connect's standard claims (OpenID Connect Core, 5.1).
        """
        return Profile(
            id=read_id(claims, "sub"),
            email=read_text(claims, "email"),
            is_email_verified=read_flag(claims, "email_verified"),
            name=read_text(claims, "name") or "",
            image=read_link(claims, "picture"),
            claims=claims,
        )

    def _fill(self, **fields: object) -> None:
        """Complete what was not given: addresses that follow from other options."""
        self._set(**{name: value for name, value in fields.items() if not getattr(self, name)})

    def _set(self, **fields: object) -> None:
        """Complete this declaration while it is built."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)
