"""The password hashes that may be verified: their exact grammar, and the most they may cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_LENGTH = 512
"""Characters of the longest stored hash that is looked at."""
BETTER_AUTH_SCRYPT = r"(?:ln=(?P<ln>[1-9]\d?):)?([0-9a-f]{32}):([0-9a-f]{128})"
"""Better Auth's hash; in front the logarithm of scrypt's N where it is not the contract's 14."""

_MAX_SCRYPT_WORK = 1 << 21
_MAX_SCRYPT_MEMORY = 256 << 20
_MAX_ARGON2_WORK = 1 << 20
_MAX_ARGON2_MEMORY = 256 << 10
_MAX_ARGON2_LANES = 16
_MAX_PBKDF2_ROUNDS = 5_000_000
_BCRYPT_COSTS = range(4, 16)

_Costs = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Format:
    """One scheme's hashes; the named groups of the pattern are its costs, judged before any work is done."""

    scheme: str
    pattern: re.Pattern[str]
    is_affordable: Callable[[_Costs], bool]


def scheme_of(stored: object) -> str | None:
    """The scheme that may verify this stored hash, or None if no scheme knows it or it would cost too much.

    Someone may have tampered with what the database holds, so a hash may cost about two seconds and 256 MiB
    at most: scrypt N*r*p up to 2**21, argon2 memory times passes up to 1 GiB and 16 lanes, bcrypt cost 4 to
    15, PBKDF2 up to 5,000,000 rounds. What OWASP, Django and libsodium (moderate) recommend is below that.
    """
    if not isinstance(stored, str) or len(stored) > MAX_LENGTH:
        return None
    for known in _FORMATS:
        found = known.pattern.fullmatch(stored)
        if found:
            costs = {name: int(value) for name, value in found.groupdict().items() if value is not None}
            return known.scheme if known.is_affordable(costs) else None
    return None


def _better_auth_is_affordable(costs: _Costs) -> bool:
    return _scrypt_is_affordable({"ln": costs.get("ln", 14), "r": 16, "p": 1})


def _scrypt_is_affordable(costs: _Costs) -> bool:
    n, r, p = costs.get("n") or 1 << costs["ln"], costs["r"], costs["p"]
    is_power_of_two = n > 1 and n.bit_count() == 1
    return is_power_of_two and 128 * n * r <= _MAX_SCRYPT_MEMORY and n * r * p <= _MAX_SCRYPT_WORK


def _argon2_is_affordable(costs: _Costs) -> bool:
    memory, passes, lanes = costs["m"], costs["t"], costs["p"]
    return memory <= _MAX_ARGON2_MEMORY and memory * passes <= _MAX_ARGON2_WORK and lanes <= _MAX_ARGON2_LANES


def _bcrypt_is_affordable(costs: _Costs) -> bool:
    return costs["cost"] in _BCRYPT_COSTS


def _pbkdf2_is_affordable(costs: _Costs) -> bool:
    return costs["rounds"] <= _MAX_PBKDF2_ROUNDS


def _formats(is_affordable: Callable[[_Costs], bool], **patterns: str) -> tuple[_Format, ...]:
    return tuple(_Format(scheme, re.compile(pattern, re.ASCII), is_affordable) for scheme, pattern in patterns.items())


def _number(name: str) -> str:
    return rf"(?P<{name}>[1-9]\d{{0,9}})"


_BASE64 = "[A-Za-z0-9+/]"
_PASSLIB_BASE64 = "[A-Za-z0-9./]"
_SALT = "[A-Za-z0-9]{1,64}"
# the last characters of bcrypt's salt and key hold unused bits; all implementations write them as zero
_BCRYPT = r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]"
_ARGON2 = (
    rf"\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?m={_number('m')},t={_number('t')},p={_number('p')}"
    rf"\${_BASE64}{{11,86}}\${_BASE64}{{16,86}}"
)
_SCRYPT = rf"\$scrypt\$ln=(?P<ln>[1-9]\d?),r={_number('r')},p={_number('p')}\${_BASE64}{{2,86}}\${_BASE64}{{43}}"
_DJANGO_SCRYPT = rf"scrypt\${_number('n')}\${_SALT}\${_number('r')}\${_number('p')}\${_BASE64}{{86}}=="
_PBKDF2_SETTINGS = rf"{_number('rounds')}\${_PASSLIB_BASE64}{{1,86}}"
_DJANGO_PBKDF2_SETTINGS = rf"{_number('rounds')}\${_SALT}"

_FORMATS = (
    *_formats(_better_auth_is_affordable, better_auth_scrypt=BETTER_AUTH_SCRYPT),
    *_formats(_scrypt_is_affordable, scrypt=_SCRYPT, django_scrypt=_DJANGO_SCRYPT),
    *_formats(_argon2_is_affordable, argon2=_ARGON2, django_argon2="argon2" + _ARGON2),
    *_formats(
        _bcrypt_is_affordable,
        bcrypt=_BCRYPT,
        django_bcrypt=r"bcrypt\$" + _BCRYPT,
        django_bcrypt_sha256=r"bcrypt_sha256\$" + _BCRYPT,
    ),
    *_formats(
        _pbkdf2_is_affordable,
        pbkdf2_sha256=rf"\$pbkdf2-sha256\${_PBKDF2_SETTINGS}\${_PASSLIB_BASE64}{{43}}",
        pbkdf2_sha512=rf"\$pbkdf2-sha512\${_PBKDF2_SETTINGS}\${_PASSLIB_BASE64}{{86}}",
        django_pbkdf2_sha256=rf"pbkdf2_sha256\${_DJANGO_PBKDF2_SETTINGS}\${_BASE64}{{43}}=",
        django_pbkdf2_sha1=rf"pbkdf2_sha1\${_DJANGO_PBKDF2_SETTINGS}\${_BASE64}{{27}}=",
    ),
)
