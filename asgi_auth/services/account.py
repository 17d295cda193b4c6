"""Accounts: the ways in which a user can sign in."""

from __future__ import annotations

from functools import partial

import structlog

from asgi_auth.clock import Clock
from asgi_auth.config import AccountOptions
from asgi_auth.crypto.cipher import Cipher
from asgi_auth.crypto.tokens import equal, generate_id
from asgi_auth.engine import Engine, IntegrityViolation
from asgi_auth.errors import AccountNotFound, LastAccount, NotFound, SocialAccountAlreadyLinked, Unavailable
from asgi_auth.events import AccountLinked, AccountUnlinked, EventBus
from asgi_auth.models import Account
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.services.account_tokens import TokenCodec, merged_scope

CREDENTIAL = "credential"
"""The provider of accounts that hold a password."""

_logger = structlog.get_logger("asgi_auth.account")


class AccountService:
    """The accounts of one Auth."""

    def __init__(
        self, engine: Engine, options: AccountOptions, *, cipher: Cipher, clock: Clock, events: EventBus
    ) -> None:
        self._engine = engine
        self._options = options
        self._codec = TokenCodec(cipher, encrypts=options.encrypts_tokens)
        self._clock = clock
        self._events = events

    async def add_credential(self, user_id: str, password_hash: str) -> Account:
        """Give a user a password."""
        now = self._clock()
        account = Account(
            account_id=user_id,
            provider_id=CREDENTIAL,
            user_id=user_id,
            password=password_hash,
            created_at=now,
            updated_at=now,
            id=generate_id(),
        )
        await self._engine.accounts.add(account)
        return account

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Store a hash whatever was there before, in an account of its own where there was none.

        To be called while the user is locked: nothing else keeps two of them from adding an account each.
        """
        changed = await self._engine.accounts.change(
            {"user_id": user_id, "provider_id": CREDENTIAL}, password=password_hash, updated_at=self._clock()
        )
        if changed is None:
            await self.add_credential(user_id, password_hash)

    async def find_credential(self, user_id: str) -> Account | None:
        """The account that holds the user's password, or None."""
        return await self._engine.accounts.find(user_id=user_id, provider_id=CREDENTIAL)

    async def has_password(self, user_id: str, password_hash: str) -> bool:
        """Whether this still is the hash of the user's password."""
        account = await self.find_credential(user_id)
        return account is not None and equal(account.password or "", password_hash)

    async def replace_password(self, user_id: str, *, old_hash: str, new_hash: str) -> bool:
        """Store a new hash if the old one is still in place; False where somebody was quicker."""
        changed = await self._engine.accounts.change(
            {"user_id": user_id, "provider_id": CREDENTIAL, "password": old_hash},
            password=new_hash,
            updated_at=self._clock(),
        )
        return changed is not None

    async def find_linked(self, provider_id: str, account_id: str) -> Account | None:
        """The account of a provider's person, or None.

        The schema of Better Auth does not forbid two rows of one person. Which of two users that would be is not for
        us to guess: raises Unavailable.
        """
        rows = await self._engine.accounts.list(limit=2, provider_id=provider_id, account_id=account_id)
        if len(rows) > 1:
            _logger.error("account.ambiguous", provider_id=provider_id, account_ids=[row.id for row in rows])
            raise Unavailable
        return rows[0] if rows else None

    async def find_own(self, user_id: str, account_row_id: str) -> Account | None:
        """The account of this row id, if it is that user's, or None."""
        return await self._engine.accounts.find(id=account_row_id, user_id=user_id)

    async def list_user_accounts(self, user_id: str) -> list[Account]:
        """A user's accounts, oldest first, 100 at most; their tokens as they are stored."""
        return list(await self._engine.accounts.list(user_id=user_id))

    async def link(self, user_id: str, provider_id: str, account_id: str, tokens: Tokens) -> Account:
        """Give a user a provider's account; of many callers at once one adds the row, and all get it.

        Where the user has it already, the tokens are stored and new scopes added. Raises SocialAccountAlreadyLinked
        where somebody else has it, NotFound where the user is gone, Unavailable where it is there twice.
        """
        async with self._engine.transaction():
            await self._engine.locks.take("account", provider_id, account_id)
            found = await self.find_linked(provider_id, account_id)
            if found is None:
                return await self._add_linked(user_id, provider_id, account_id, tokens)
            if found.user_id != user_id:
                raise SocialAccountAlreadyLinked
            return await self._store(found, scope=merged_scope(found, tokens), **self._codec.columns(tokens))

    async def _add_linked(self, user_id: str, provider_id: str, account_id: str, tokens: Tokens) -> Account:
        now = self._clock()
        account = Account(
            account_id=account_id,
            provider_id=provider_id,
            user_id=user_id,
            created_at=now,
            updated_at=now,
            id=generate_id(),
            scope=merged_scope(None, tokens),
            **self._codec.columns(tokens),
        )
        try:
            await self._engine.accounts.add(account)
        except IntegrityViolation:
            raise NotFound from None
        event = AccountLinked(user_id, provider_id, account.id)
        await self._engine.after_commit(partial(self._events.publish, event))
        return account

    async def store_tokens(self, account: Account, tokens: Tokens) -> Account:
        """Store new tokens; what the provider does not send again stays, and so do the scopes.

        Raises AccountNotFound where it is gone.
        """
        return await self._store(account, **self._codec.columns(tokens))

    async def _store(self, account: Account, **values: object) -> Account:
        changed = await self._engine.accounts.change({"id": account.id}, **values, updated_at=self._clock())
        if changed is None:
            raise AccountNotFound
        return changed

    async def replace_tokens(self, account: Account, tokens: Tokens) -> Account | None:
        """Store what a refresh gave, if the refresh token it was asked with is still in place; else None."""
        return await self._engine.accounts.change(
            {"id": account.id, "refresh_token": account.refresh_token},
            **self._codec.columns(tokens),
            updated_at=self._clock(),
        )

    def tokens_of(self, account: Account) -> Tokens:
        """The tokens of an account, decrypted; one that cannot be decrypted is None."""
        return self._codec.tokens_of(account)

    async def unlink(self, user_id: str, account_row_id: str) -> None:
        """Take an account away from its user; of two at once, the second finds what the first has left.

        Raises LastAccount where it would be the user's only way in, AccountNotFound where the user has none of this
        row id.
        """
        async with self._engine.transaction():
            await self._engine.user_queries.lock(user_id)
            if not self._options.unlinks_last and await self._engine.accounts.count(user_id=user_id) <= 1:
                raise LastAccount
            account = await self._engine.accounts.take(id=account_row_id, user_id=user_id)
            if account is None:
                raise AccountNotFound
            event = AccountUnlinked(user_id, account.provider_id, account.id)
            await self._engine.after_commit(partial(self._events.publish, event))
