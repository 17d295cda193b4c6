"""What an account lets us do at its provider: tokens that hold now, refreshed where they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from asgi_auth.clock import Clock
from asgi_auth.crypto.tokens import equal
from asgi_auth.errors import (
    AccessTokenFailed,
    AccessTokenNotFound,
    AccountNotFound,
    ProviderNotConfigured,
    ProviderNotSupported,
    RefreshFailed,
    RefreshTokenNotFound,
    TokenRefreshNotSupported,
    Unavailable,
    UserInfoMissing,
)
from asgi_auth.models import Account
from asgi_auth.oauth.client import OAuthClient
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.oauth.id_token import check_same_person
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers.base import Profile, Provider
from asgi_auth.services.account import AccountService

REFRESH_BEFORE = timedelta(seconds=5)
"""An access token that expires sooner is refreshed before it is given away (Better Auth contract)."""

LOOKS_AGAIN = (0.05, 0.1, 0.2)
"""Seconds between looks for what another process may be about to store, after a provider's refusal."""

_logger = structlog.get_logger("asgi_auth.account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An account and its tokens, decrypted.

    Attributes:
        account: as it is stored now.
        tokens: what to use; their end is what the provider has just told, if it was asked.
        is_refreshed: the account is another than before.
    """

    account: Account
    tokens: Tokens
    is_refreshed: bool = False


class ProviderAccessService:
    """The tokens of accounts, and what they open.

    All who want one account's tokens refreshed at once share one request: a provider that takes each refresh token
    only once would lock the others out. Of several processes, the first to store new tokens has stored them; the
    others use those.

    Args:
        accounts: where tokens are stored.
        oauth: who asks the providers.
        clock: for what is due.
        looks_again: see ``LOOKS_AGAIN``; also between tries to store new tokens.
    """

    def __init__(
        self,
        accounts: AccountService,
        oauth: OAuthClient,
        *,
        clock: Clock,
        looks_again: Sequence[float] = LOOKS_AGAIN,
    ) -> None:
        self._accounts = accounts
        self._oauth = oauth
        self._clock = clock
        self._looks_again = looks_again
        self._refreshing: dict[str, asyncio.Task[Access]] = {}

    async def access(self, account: Account) -> Access:
        """Tokens to be used now, refreshed if the access token is about to expire and the provider can do that.

        Raises ProviderNotSupported, or AccessTokenFailed where they cannot be refreshed or decrypted.
        """
        provider = self._oauth.find(account.provider_id)
        if provider is None:
            raise ProviderNotSupported(account.provider_id)
        tokens = self._accounts.tokens_of(account)
        if account.access_token and tokens.access_token is None:
            raise AccessTokenFailed
        if not (self._is_due(account) and account.refresh_token and _refreshes(provider)):
            return Access(account=account, tokens=tokens)
        try:
            return await self._refresh_shared(provider, account, is_forced=False)
        except (RefreshFailed, RefreshTokenNotFound):
            raise AccessTokenFailed from None

    async def refresh(self, account: Account) -> Access:
        """New tokens from the provider, due or not.

        Raises ProviderNotSupported, TokenRefreshNotSupported, RefreshTokenNotFound, RefreshFailed, AccountNotFound
        where the account is gone.
        """
        provider = self._oauth.find(account.provider_id)
        if provider is None:
            raise ProviderNotSupported(account.provider_id)
        if not _refreshes(provider):
            raise TokenRefreshNotSupported(account.provider_id)
        return await self._refresh_shared(provider, account, is_forced=True)

    async def profile(self, account: Account) -> tuple[Profile, Access]:
        """Who the provider says this is.

        Raises ProviderNotConfigured, AccessTokenFailed, AccessTokenNotFound, UserInfoMissing where it does not say, or
        says that it is somebody else, and Unavailable where it cannot be asked.
        """
        provider = self._oauth.find(account.provider_id)
        if provider is None:
            raise ProviderNotConfigured
        access = await self.access(account)
        if access.tokens.access_token is None:
            raise AccessTokenNotFound
        try:
            profile = await self._oauth.stored_profile(provider, access.tokens)
            _check_person(profile, account)
        except ProviderFailed as error:
            _tell("account.profile_failed", account, error)
            raise (Unavailable if isinstance(error, ProviderUnreachable) else UserInfoMissing) from None
        return profile, access

    def _is_due(self, account: Account) -> bool:
        expires_at = account.access_token_expires_at
        return expires_at is not None and expires_at - self._clock() < REFRESH_BEFORE

    async def _refresh_shared(self, provider: Provider, account: Account, *, is_forced: bool) -> Access:
        task = self._refreshing.get(account.id)
        if task is None:
            task = asyncio.create_task(self._refresh_stored(provider, account, is_forced=is_forced))
            self._refreshing[account.id] = task
            task.add_done_callback(lambda done: self._forget(account.id, done))
        # Whoever waits may be cancelled; what the provider sends must be stored all the same.
        return await asyncio.shield(task)

    def _forget(self, account_id: str, task: asyncio.Task[Access]) -> None:
        del self._refreshing[account_id]
        if not task.cancelled():
            task.exception()

    async def _refresh_stored(self, provider: Provider, account: Account, *, is_forced: bool) -> Access:
        """Refresh what is stored now, which may be newer than what the caller has seen."""
        current = await self._current(account)
        if not is_forced and not self._is_due(current):
            return self._as_stored(current)
        return await self._ask(provider, current)

    async def _ask(self, provider: Provider, account: Account) -> Access:
        stored = self._accounts.tokens_of(account)
        if stored.refresh_token is None:
            raise RefreshFailed if account.refresh_token else RefreshTokenNotFound
        try:
            tokens = await self._oauth.refresh(provider, stored.refresh_token)
            check_same_person(stored.id_token, tokens.id_token)
        except ProviderFailed as error:
            return await self._after_refusal(account, error)
        if not tokens.access_token:
            raise RefreshFailed
        changed = await self._store(account, tokens)
        if changed is None:
            return self._as_stored(await self._current(account))
        told = replace(self._accounts.tokens_of(changed), access_token_expires_at=tokens.access_token_expires_at)
        return Access(account=changed, tokens=told, is_refreshed=True)

    async def _store(self, account: Account, tokens: Tokens) -> Account | None:
        """Keep what cannot be had again: the old refresh token may have worked for the last time.

        A database that is away for a moment is waited for, as long as for another process.
        """
        for seconds in self._looks_again:
            try:
                return await self._accounts.replace_tokens(account, tokens)
            except Unavailable:
                await asyncio.sleep(seconds)
        return await self._accounts.replace_tokens(account, tokens)

    async def _after_refusal(self, account: Account, error: ProviderFailed) -> Access:
        """The tokens that another process got for the same refresh token; raises RefreshFailed where none has.

        That process may have got them and not stored them yet.
        """
        for seconds in (0, *self._looks_again):
            await asyncio.sleep(seconds)
            current = await self._current(account)
            if not equal(current.refresh_token or "", account.refresh_token or ""):
                return self._as_stored(current)
        _tell("account.refresh_failed", account, error)
        raise RefreshFailed

    async def _current(self, account: Account) -> Account:
        current = await self._accounts.find_own(account.user_id, account.id)
        if current is None:
            raise AccountNotFound
        return current

    def _as_stored(self, account: Account) -> Access:
        return Access(account=account, tokens=self._accounts.tokens_of(account), is_refreshed=True)

    async def close(self) -> None:
        """Wait for what is under way: tokens that nobody stored would be lost."""
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)


def _refreshes(provider: Provider) -> bool:
    return provider.token_url is not None or provider.discovery_url is not None


def _check_person(profile: Profile, account: Account) -> None:
    """Whoever linked by an ID token brought the access token along, which may be anybody's."""
    if profile.id != account.account_id:
        raise ProviderFailed("the access token is of another person than the account")


def _tell(event: str, account: Account, error: Exception) -> None:
    _logger.warning(event, account_id=account.id, provider_id=account.provider_id, reason=str(error))
