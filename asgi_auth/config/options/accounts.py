"""The ways in which one user can sign in, and how they come together."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.config.options.checks import check_types


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """The ways in which one user can sign in, and how they come together.

    Attributes:
        links: accounts of other providers may be linked to a user at all (default True).
        links_by_email: signing in with a provider links to the user of the same address, where the provider has
            verified it or is trusted (default True).
        requires_verified_local_email: and where we have verified it too: whoever signed up first with somebody else's
            address would otherwise get that person's account (default True).
        trusted_providers: whose word is taken for an address they do not call verified (default none).
        links_other_emails: a signed-in user may link an account with another address (default False).
        updates_user_on_link: linking takes name and picture from the provider (default False).
        unlinks_last: a user may remove the only way in (default False).
        updates_tokens_on_sign_in: the provider's tokens are stored anew with each sign-in (default True).
        encrypts_tokens: access and refresh tokens are stored encrypted (default False, as in Better Auth). Older tokens
            are still read; switched off again, encrypted ones are not.
        has_cookie: the account used last is also kept in an encrypted cookie, ``account_data``, for as long as
            ``cookie_cache.lifetime``: ``/get-access-token`` then needs no look at the accounts (default False).
    """

    links: bool = True
    links_by_email: bool = True
    requires_verified_local_email: bool = True
    trusted_providers: frozenset[str] = frozenset()
    links_other_emails: bool = False
    updates_user_on_link: bool = False
    unlinks_last: bool = False
    updates_tokens_on_sign_in: bool = True
    encrypts_tokens: bool = False
    has_cookie: bool = False

    def __post_init__(self) -> None:
        check_types(self, "accounts")
