"""The secrets everything is signed and encrypted with: a list, newest first, so that they can be rotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from asgi_auth.errors import ConfigurationError

MINIMUM_LENGTH = 32
"""Characters; what Better Auth asks for as well, and 128 bits even of hexadecimal digits."""

HOW_TO_MAKE_ONE = "make one with: openssl rand -base64 32"

KNOWN_DEFAULTS = frozenset(
    {
        "better-auth-secret-12345678901234567890",
        "better-auth-secret-123456789012345678901234567890",
        "change-me-change-me-change-me-change-me",
        "your-secret-key-your-secret-key-your-secret",
    }
)


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret.

    Attributes:
        value: the secret itself, used as UTF-8 bytes.
        version: its number in a rotation (Better Auth's BETTER_AUTH_SECRETS); None for a plain secret.
    """

    value: str = field(repr=False)
    version: int | None = None


def check_secrets(secrets: Sequence[Secret], *, allow_weak: bool) -> None:
    """Raise ConfigurationError for a missing, short, well-known or repeated secret; none of them is named."""
    if not secrets or not all(secret.value for secret in secrets):
        raise ConfigurationError("a secret is needed: AuthConfig(secret=...), ASGI_AUTH_SECRET or BETTER_AUTH_SECRET")
    if len({secret.value for secret in secrets}) < len(secrets):
        raise ConfigurationError("a secret is listed twice")
    versions = [secret.version for secret in secrets if secret.version is not None]
    if len(set(versions)) < len(versions) or any(version < 0 for version in versions):
        raise ConfigurationError("versions of secrets must be different and not negative")
    if allow_weak:
        return
    for secret in secrets:
        if len(secret.value) < MINIMUM_LENGTH:
            raise ConfigurationError(f"a secret needs at least {MINIMUM_LENGTH} characters; {HOW_TO_MAKE_ONE}")
        if secret.value in KNOWN_DEFAULTS or len(set(secret.value)) < 6:
            raise ConfigurationError(f"a secret must be random, and no well-known default; {HOW_TO_MAKE_ONE}")


def parse_versioned(text: str) -> tuple[Secret, ...]:
    """Read BETTER_AUTH_SECRETS: ``"2:newest,1:older"``. Raises ConfigurationError for anything else."""
    return tuple(_parse_one(part.strip()) for part in text.split(",") if part.strip())


def _parse_one(part: str) -> Secret:
    version, separator, value = part.partition(":")
    if not separator or not version.strip().isdecimal():
        raise ConfigurationError('versioned secrets look like "2:newest,1:older"')
    return Secret(value.strip(), int(version))
