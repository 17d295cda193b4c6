"""Which configuration a request or a key follows."""

from __future__ import annotations

from collections.abc import Iterable

from asgi_auth.config.options.checks import require
from asgi_auth.features.api_key.errors import NoDefaultConfiguration
from asgi_auth.features.api_key.options import DEFAULT_ID, ApiKeyOptions


class Configurations:
    """All configurations by their ids.

    Raises ConfigurationError where two have one id, or one is something else.
    """

    def __init__(self, options: Iterable[ApiKeyOptions]) -> None:
        self.all = tuple(options)
        for each in self.all:
            require(
                isinstance(each, ApiKeyOptions),
                'configurations are instances: ApiKeys(ApiKeyOptions(config_id="..."), ...)',
            )
        self._by_id = {each.config_id: each for each in self.all}
        require(len(self._by_id) == len(self.all), "ApiKeys: each configuration needs a config_id of its own")

    @property
    def with_sessions(self) -> tuple[ApiKeyOptions, ...]:
        """Those whose keys act as sessions."""
        return tuple(each for each in self.all if each.enables_sessions)

    @property
    def header_names(self) -> tuple[str, ...]:
        """The headers that may hold a key."""
        return tuple(dict.fromkeys(name for each in self.all if each.getter is None for name in each.header_names))

    def get(self, config_id: str | None = None) -> ApiKeyOptions:
        """The one of this id; for an unknown one, or none, the one called "default" (Better Auth contract).

        Raises NoDefaultConfiguration where there is no such.
        """
        found = self.find(config_id)
        if found is None:
            raise NoDefaultConfiguration
        return found

    def named(self, config_id: str) -> ApiKeyOptions:
        """The one of this very id; raises ConfigurationError where there is none."""
        known = " or ".join(f'"{each}"' for each in self._by_id)
        require(config_id in self._by_id, f"config_id: {known}")
        return self._by_id[config_id]

    def is_users(self, config_id: str) -> bool:
        """Whether the keys of a row's configuration are users'."""
        found = self._by_id.get(config_id) or self._by_id.get(DEFAULT_ID)
        return found is None or found.references == "user"

    def find(self, config_id: str | None = None) -> ApiKeyOptions | None:
        """The same, or None where there is no such."""
        return self._by_id.get(config_id or DEFAULT_ID) or self._by_id.get(DEFAULT_ID)
