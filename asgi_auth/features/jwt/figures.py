"""The figures of JWTs."""

from __future__ import annotations

from typing import Final

from asgi_auth.infrastructure.metrics import MetricSpec

VERIFY: Final = "auth.jwt.verify"
SIGN: Final = "auth.jwt.sign"

FIGURES: Final = (
    MetricSpec(name=VERIFY, kind="counter", help="JWTs judged: accepted or refused.", labels=("outcome",)),
    MetricSpec(name=SIGN, kind="counter", help="JWTs signed."),
)
