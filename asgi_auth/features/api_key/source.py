"""API keys as a credential: where they sit in a request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from asgi_auth.asgi.cookies import has_cookie_header
from asgi_auth.asgi.headers import header_values
from asgi_auth.asgi.types import Scope
from asgi_auth.config.options.checks import require
from asgi_auth.context import AuthContext, CredentialKind, Proof, auth_context
from asgi_auth.devices import DeviceReader
from asgi_auth.errors import RepeatedHeader
from asgi_auth.features.api_key.errors import InvalidGetterResult
from asgi_auth.features.api_key.options import ApiKeyOptions, KeyGetter
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from asgi_auth.guards import frozen_permissions
from asgi_auth.middleware import CredentialSource
from asgi_auth.origin_policy import OriginPolicy
from asgi_auth.services.registry import Services

HEADERS = ("x-api-key",)


def extract_api_key(scope: Scope, *, headers: Sequence[str] = HEADERS) -> str | None:
    """The API key of a request, not yet judged, or None; one that is empty is none.

    Raises RepeatedHeader where these headers hold more than one, over all of them together: this library and whoever
    stands in front of it or behind it might each believe another one.
    """
    names = list(dict.fromkeys(name.lower() for name in headers))
    found = [(name, value) for name in names for value in header_values(scope, name.encode("latin-1"))]
    if len(found) > 1:
        raise RepeatedHeader(found[-1][0])
    return found[0][1].decode("latin-1") or None if found else None


def get_api_key(scope: Scope, getter: KeyGetter) -> str | None:
    """The key that the application's own getter finds; raises InvalidGetterResult where that is no text."""
    found: object = getter(scope)
    if not isinstance(found, str | None):
        raise InvalidGetterResult
    return found or None


def find_api_key(scope: Scope, options: Iterable[ApiKeyOptions]) -> str | None:
    """The key of a request as these configurations find theirs, or None; raises RepeatedHeader."""
    options = tuple(options)
    headers = [name for each in options if each.getter is None for name in each.header_names]
    found = [extract_api_key(scope, headers=headers)]
    found += [get_api_key(scope, each.getter) for each in options if each.getter is not None]
    return next(filter(None, found), None)


class _Judge:
    """What every way to find a key shares: who judges it.

    Attributes:
        rules: what a key has to satisfy beyond being good; None where that is nothing.
    """

    kind: CredentialKind = "api_key"
    rules: object = None

    def __init__(
        self,
        services: Services,
        *,
        required_permissions: Mapping[str, Sequence[str]] | None = None,
        config_id: str | None = None,
    ) -> None:
        self._verifier = services.get(ApiKeyVerifier)
        self._addresses = DeviceReader(services.config).addresses
        self._required_permissions = frozen_permissions(required_permissions)
        self._config_ids: Collection[str] | None = None
        if config_id is not None:
            self._config_ids = frozenset({self._verifier.configurations.named(config_id).config_id})

    async def authenticate(self, credential: str, scope: Scope) -> Proof:
        """The key and its owner, after this use of it was counted; raises as ``ApiKeyVerifier.judge`` does."""
        outer = auth_context(scope).credentials.get(self.kind)
        judged = await self._verifier.judge(
            credential,
            config_ids=self._config_ids,
            required_permissions=self._required_permissions,
            client=self._addresses.resolve(scope) or "",
            counted=None if outer is None else outer.api_key,
        )
        return Proof(
            subject=judged.api_key.reference_id,
            user=judged.user,
            api_key=judged.api_key,
            scopes=judged.api_key.scopes,
            standing=judged.standing,
            judged_by=self.rules,
        )


class ApiKeySource(_Judge):
    """Finds an API key in headers.

    Args:
        services: ``auth.services``, with the feature ApiKeys.
        headers: their names (default: those of all configurations).
        required_permissions: what the key has to allow.
        config_id: of which configuration it has to be (default: any).

    Raises ValueError where an action is not in a list: of "read" every letter would be one; ConfigurationError for
    headers that are no list, or a configuration that is not there.
    """

    def __init__(
        self,
        services: Services,
        *,
        headers: Sequence[str] | None = None,
        required_permissions: Mapping[str, Sequence[str]] | None = None,
        config_id: str | None = None,
    ) -> None:
        super().__init__(services, required_permissions=required_permissions, config_id=config_id)
        require(not isinstance(headers, str), f'headers is a list of names: ["{headers}"]')
        self._names = tuple(self._verifier.configurations.header_names if headers is None else headers)
        self.headers = tuple(dict.fromkeys(name.lower().encode("latin-1") for name in self._names))
        if required_permissions or config_id is not None:
            wanted = frozenset((of, frozenset(actions)) for of, actions in (required_permissions or {}).items())
            self.rules = (self.headers, wanted, self._config_ids)

    def extract(self, scope: Scope) -> str | None:
        """The key's text, or None; raises RepeatedHeader."""
        return extract_api_key(scope, headers=self._names)

    def credential_in(self, value: bytes) -> bytes | None:
        """The header as it was sent."""
        return value or None

    def admit_known(self, context: AuthContext) -> bool:
        """Count a use of a key that was known; False where its limit has to be looked at."""
        return context.api_key is not None and self._verifier.count_known(context.api_key)


class GotApiKeySource(_Judge):
    """Finds an API key as the application's own getter does.

    It may be in a URL or a cookie, which another site's page has a browser send: beside cookies a handshake needs a
    trusted Origin, and CSRFMiddleware asks it of requests.
    """

    def __init__(self, services: Services, getter: KeyGetter, *, config_id: str) -> None:
        super().__init__(services, config_id=config_id)
        self._getter = getter
        self._origins = OriginPolicy(services.config)

    async def authenticate(self, credential: str, scope: Scope) -> Proof:
        """The key and its owner; raises InvalidOrigin or MissingOrigin as well."""
        if scope["type"] == "websocket" and has_cookie_header(scope):
            self._origins.check(scope)
        return replace(await super().authenticate(credential, scope), is_explicit=False)

    def extract(self, scope: Scope) -> str | None:
        """The key's text, or None."""
        return get_api_key(scope, self._getter)


def sources_of(services: Services) -> Iterable[CredentialSource]:
    """Where requests may hold keys, as all configurations together say."""
    configurations = services.get(ApiKeyVerifier).configurations
    if configurations.header_names:
        yield ApiKeySource(services)
    for options in configurations.all:
        if options.getter is not None:
            yield GotApiKeySource(services, options.getter, config_id=options.config_id)
