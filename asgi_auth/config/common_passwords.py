"""Passwords that are guessed first: what OWASP ASVS 5.0 (6.2.4) wants nobody to choose."""

from __future__ import annotations

from zxcvbn.frequency_lists import FREQUENCY_LISTS


def common_passwords() -> frozenset[str]:
    """Some thirty thousand passwords from leaks, in lower case."""
    return frozenset(FREQUENCY_LISTS["passwords"])
