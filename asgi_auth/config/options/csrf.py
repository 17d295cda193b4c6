"""Where requests may come from."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.config.options.checks import check_types


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrfOptions:
    """Where requests may come from.

    Attributes:
        checks_auth_origin: the endpoints refuse cookie-bearing requests from untrusted origins (default True).
        protects_application: ``auth.wrap`` does the same for the application's own unsafe requests (default True).
        allows_missing_origin: an application's cookie-borne unsafe request without Origin, Referer and
            Sec-Fetch-Site passes (default False).
    """

    checks_auth_origin: bool = True
    protects_application: bool = True
    allows_missing_origin: bool = False

    def __post_init__(self) -> None:
        check_types(self, "csrf")
