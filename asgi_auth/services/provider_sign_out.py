"""Signing out at the provider too, once the session here has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from asgi_auth.errors import Unavailable
from asgi_auth.models import Account
from asgi_auth.oauth.client import OAuthClient, SignOutRequest
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.providers import Provider
from asgi_auth.services.account import AccountService
from asgi_auth.services.visitors import told

WAIT = timedelta(seconds=2)
"""How long a sign-out waits for discovery documents that are not at hand; the session has ended by then."""

_logger = structlog.get_logger("asgi_auth.social")


class ProviderSignOutService:
    """Knows where people go on to who have signed out here.

    Args:
        accounts: whose ID tokens say at the provider who it is.
        oauth: the providers.
        wait: see ``WAIT``.
    """

    def __init__(self, accounts: AccountService, oauth: OAuthClient, *, wait: timedelta = WAIT) -> None:
        self._accounts = accounts
        self._oauth = oauth
        self._wait = wait / timedelta(seconds=1)

    async def find_url(self, user_id: str, *, redirect_uri: str | None = None, state: str | None = None) -> str | None:
        """Where the provider signs a user out, of all their accounts the one used last; None where none does.

        To be asked once the session has ended: the URL holds the user's ID token. Nothing that fails here is raised:
        whoever wanted to be signed out is. Without a provider that signs out, nothing is read.

        Args:
            user_id: whose session has just ended.
            redirect_uri: where the provider is to send them then, in full; it must be trusted.
            state: comes back with them.
        """
        if not self._oauth.may_sign_out:
            return None
        try:
            accounts = await self._accounts.list_user_accounts(user_id)
        except Unavailable:
            _logger.warning("sign_out.accounts_not_read", user_id=user_id)
            return None
        deadline = asyncio.get_running_loop().time() + self._wait
        for provider, account in self._newest(accounts):
            id_token = self._accounts.tokens_of(account).id_token
            request = SignOutRequest(id_token=id_token, redirect_uri=redirect_uri, state=state)
            url = await self._url(provider, request, deadline)
            if url is not None:
                return url
        return None

    def _newest(self, accounts: Sequence[Account]) -> list[tuple[Provider, Account]]:
        """The account used last of each provider that may sign out, the one used last of all first."""
        found: dict[str, tuple[Provider, Account]] = {}
        for account in sorted(accounts, key=lambda account: account.updated_at, reverse=True):
            provider = self._oauth.find(account.provider_id)
            if provider is not None and provider.may_sign_out:
                found.setdefault(provider.id, (provider, account))
        return list(found.values())

    async def _url(self, provider: Provider, request: SignOutRequest, deadline: float) -> str | None:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._oauth.sign_out_url(provider, request)
        except TimeoutError:
            told(provider, ProviderUnreachable("no answer in time"))
        except ProviderFailed as error:
            told(provider, error)
        return None
