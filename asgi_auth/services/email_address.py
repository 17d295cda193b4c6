"""Which strings are e-mail addresses: the set that Better Auth's validator accepts (ASCII only)."""

from __future__ import annotations

import string

MAX_LENGTH = 254
"""RFC 5321, 4.5.3.1, less the angle brackets; checked first, so that nothing long is ever looked at closely."""

_ALNUM = frozenset(string.ascii_letters + string.digits)
_LOCAL = _ALNUM | frozenset("_'+-")
_LOCAL_END = _LOCAL - {"'"}
_LABEL = _ALNUM | {"-"}


def is_email(text: str) -> bool:
    """Whether this is an address: dotted atoms, an at sign, a domain of two labels or more."""
    if len(text) > MAX_LENGTH:
        return False
    local, at, domain = text.rpartition("@")
    return bool(at) and _is_local(local) and _is_domain(domain)


def normalize(email: str) -> str:
    """The form in which addresses are stored and compared."""
    return email.lower()


def _is_local(local: str) -> bool:
    atoms = local.split(".")
    return all(atom and _LOCAL.issuperset(atom) for atom in atoms) and local[-1] in _LOCAL_END


def _is_domain(domain: str) -> bool:
    *labels, top = domain.split(".")
    return bool(labels) and all(map(_is_label, labels)) and len(top) > 1 and top.isascii() and top.isalpha()


def _is_label(label: str) -> bool:
    return bool(label) and label[0] in _ALNUM and _LABEL.issuperset(label)
