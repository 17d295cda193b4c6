"""Accounts: the ways in which a user can sign in."""

from __future__ import annotations

from asgi_auth.clock import Clock
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.engine import Engine
from asgi_auth.models import Account

CREDENTIAL = "credential"
"""The provider of accounts that hold a password."""


class AccountService:
    """The accounts of one Auth."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

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

    async def find_credential(self, user_id: str) -> Account | None:
        """The account that holds the user's password, or None."""
        return await self._engine.accounts.find(user_id=user_id, provider_id=CREDENTIAL)

    async def replace_password(self, user_id: str, *, old_hash: str, new_hash: str) -> bool:
        """Store a new hash if the old one is still in place; False where somebody was quicker."""
        changed = await self._engine.accounts.change(
            {"user_id": user_id, "provider_id": CREDENTIAL, "password": old_hash},
            password=new_hash,
            updated_at=self._clock(),
        )
        return changed is not None
