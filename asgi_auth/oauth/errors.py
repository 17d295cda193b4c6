"""Why a provider's word is not taken."""

from __future__ import annotations


class ProviderFailed(Exception):
    """A provider refused, did not answer, or answered with something that proves nothing; never holds a secret."""


class ProviderUnreachable(ProviderFailed):
    """No verdict came: a time-out, a closed connection, a server error, an address that requests must not go to."""
