"""How the tokens of other services lie in an account's row: encrypted where configured, scopes as one text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import structlog

from asgi_auth.crypto.cipher import Cipher, DecryptionFailed
from asgi_auth.models import Account
from asgi_auth.oauth.tokens import Tokens

_CIPHERTEXT = re.compile(r"\$ba\$.*|(?:[0-9a-f]{2}){40,}", re.DOTALL)
"""An envelope, or hex of at least a nonce and a tag: what the cipher may have written."""

_logger = structlog.get_logger("asgi_auth.account")


class TokenCodec:
    """Tokens to columns and back.

    ``encrypts`` seals access and refresh tokens where they are written; whatever is sealed is opened, and
    tokens from before it was switched on are read as they are. What looks sealed and does not open (the secret is
    gone) is no token.
    """

    def __init__(self, cipher: Cipher, *, encrypts: bool) -> None:
        self._cipher = cipher
        self._encrypts = encrypts

    def columns(self, tokens: Tokens) -> Mapping[str, Any]:
        """The fields of an account that these tokens replace; what a provider does not send again stays.

        Where it tells no lifetime of a new token, the old one's end stays: a token of unknown age is then refreshed
        too often rather than used too long. Scopes are not among them: what was granted once is neither widened nor
        narrowed by a refresh. (Better Auth contract.)
        """
        values: dict[str, Any] = {}
        if tokens.access_token:
            values["access_token"] = self._seal(tokens.access_token)
        if tokens.access_token_expires_at:
            values["access_token_expires_at"] = tokens.access_token_expires_at
        if tokens.refresh_token:
            values["refresh_token"] = self._seal(tokens.refresh_token)
        if tokens.refresh_token_expires_at:
            values["refresh_token_expires_at"] = tokens.refresh_token_expires_at
        if tokens.id_token:
            # As it came, because Better Auth never opens one: it says who somebody was, and lets nobody in.
            values["id_token"] = tokens.id_token
        return values

    def tokens_of(self, account: Account) -> Tokens:
        """The tokens of an account, to be used."""
        return Tokens(
            access_token=self._open(account.access_token, account),
            refresh_token=self._open(account.refresh_token, account),
            id_token=self._open(account.id_token, account),
            access_token_expires_at=account.access_token_expires_at,
            refresh_token_expires_at=account.refresh_token_expires_at,
            scopes=scopes_of(account),
        )

    def _seal(self, token: str) -> str:
        return self._cipher.encrypt(token) if self._encrypts else token

    def _open(self, stored: str | None, account: Account) -> str | None:
        if not stored or not self._encrypts or not _CIPHERTEXT.fullmatch(stored):
            return stored or None
        try:
            return self._cipher.decrypt(stored)
        except DecryptionFailed:
            _logger.warning("account.token_not_readable", account_id=account.id, provider_id=account.provider_id)
            return None


def merged_scope(account: Account | None, tokens: Tokens) -> str | None:
    """The account's scopes and those that came with a new link, as they are stored; None where nobody knows any."""
    scopes = dict.fromkeys((*(scopes_of(account) if account else ()), *tokens.scopes))
    return ",".join(scopes) or None


def scopes_of(account: Account) -> tuple[str, ...]:
    """What the provider granted, from the comma-joined text that is stored."""
    scopes = (scope.strip() for scope in (account.scope or "").split(","))
    return tuple(filter(None, scopes))
