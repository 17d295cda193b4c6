"""Microsoft."""

from __future__ import annotations

import re
from dataclasses import dataclass

from asgi_auth.errors import ConfigurationError
from asgi_auth.providers.base import Params, Profile, Provider
from asgi_auth.providers.claims import Claims, read_flag, read_id, read_link, read_text

PERSONAL_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of everybody's personal Microsoft account."""

_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEVERAL_TENANTS = ("common", "organizations", "consumers")


@dataclass(frozen=True, kw_only=True)
class Microsoft(Provider):
    """Sign in with Microsoft (Entra ID and personal accounts): OpenID Connect with PKCE; the ID token describes people.

    Documented in Microsoft Learn, "Microsoft identity platform": ``<authority>/<tenant>/oauth2/v2.0/authorize`` and
    ``.../token``, keys ``<authority>/<tenant>/discovery/v2.0/keys``. All tenants share keys, so that the issuer is
    compared with the token's own tenant (``<authority>/<tid>/v2.0``) and that tenant with the one asked for.

    Every tenant writes what it likes into ``email`` ("Migrate away from using email claims" there tells of accounts
    taken over that way). An address is verified where the optional claim ``xms_edov`` says that its domain is the
    tenant's own, and for personal accounts, which that page names as verified.

    Attributes:
        tenant_id: a tenant's id, or "common" (default: everybody), "organizations", "consumers". A tenant's domain
            name needs ``issuers`` beside it.
        authority: another cloud, or an external tenant's ``https://<name>.ciamlogin.com``, which needs ``issuers`` too.
        prompt: "login", "none", "consent" or "select_account".
    """

    id: str = "microsoft"
    scopes: tuple[str, ...] = ("openid", "profile", "email", "User.Read", "offline_access")
    accepts_id_tokens: bool = True
    tenant_id: str = "common"
    authority: str = "https://login.microsoftonline.com"
    prompt: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.tenant_id in _SEVERAL_TENANTS or _TENANT.fullmatch(self.tenant_id) or self.issuers):
            raise ConfigurationError("microsoft: tenant_id is a tenant's id in small letters, or issuers is given too")
        root = f"{self.authority.rstrip('/')}/{self.tenant_id}"
        self._fill(
            authorization_url=f"{root}/oauth2/v2.0/authorize",
            token_url=f"{root}/oauth2/v2.0/token",
            jwks_url=f"{root}/discovery/v2.0/keys",
        )

    def option_params(self) -> Params:
        """``prompt``."""
        return {"prompt": self.prompt} if self.prompt else {}

    def is_issuer(self, issuer: str, claims: Claims) -> bool:
        """By ``issuers`` where given; otherwise of the token's own tenant, which has to be one that was asked for."""
        if self.issuers:
            return super().is_issuer(issuer, claims)
        tenant = issuer.removeprefix(f"{self.authority.rstrip('/')}/").removesuffix("/v2.0")
        is_whole = issuer == f"{self.authority.rstrip('/')}/{tenant}/v2.0" and _TENANT.fullmatch(tenant)
        return bool(is_whole) and claims.get("tid", tenant) == tenant and self._lets_in(tenant)

    def read(self, claims: Claims) -> Profile:
        """The ID token's claims."""
        return Profile(
            id=read_id(claims, "sub"),
            email=read_text(claims, "email"),
            is_email_verified=read_flag(claims, "xms_edov") or claims.get("tid") == PERSONAL_ACCOUNTS,
            name=read_text(claims, "name") or "",
            image=read_link(claims, "picture"),
            claims=claims,
        )

    def _lets_in(self, tenant: str) -> bool:
        if self.tenant_id == "common":
            return True
        if self.tenant_id == "organizations":
            return tenant != PERSONAL_ACCOUNTS
        return tenant == (PERSONAL_ACCOUNTS if self.tenant_id == "consumers" else self.tenant_id)
