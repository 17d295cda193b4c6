"""Endpoints of accounts: which a user has, taking one away, and their tokens at other services."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from asgi_auth.clock import Timestamp
from asgi_auth.endpoints.answers import AnswerBody, Status
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.endpoints.schema import Body, OnlyTrue
from asgi_auth.errors import AccountNotFound, NoSession
from asgi_auth.models import Account, User
from asgi_auth.providers.base import Profile
from asgi_auth.services.account_tokens import scopes_of


class UnlinkAccount(Body, frozen=True, kw_only=True):
    """POST /unlink-account; ``account_id`` is that of the row."""

    account_id: str


class AccountById(Body, frozen=True, kw_only=True):
    """One of the user's accounts, by the id of its row. Whose it is says the session, never ``user_id``."""

    is_closed = True

    account_id: str
    user_id: str | UnsetType = UNSET


class AccountOfCookie(Body, frozen=True, kw_only=True):
    """The account in the account cookie."""

    is_closed = True

    use_account_cookie: Annotated[bool, OnlyTrue()]
    user_id: str | UnsetType = UNSET


Selection = AccountById | AccountOfCookie


class LinkedAccount(AnswerBody, frozen=True, kw_only=True):
    """One way in of a user, without its secrets; ``scopes`` are what the provider has granted."""

    account_id: str
    provider_id: str
    user_id: str
    created_at: Timestamp
    updated_at: Timestamp
    id: str
    scopes: list[str]


class AccessTokenAnswer(AnswerBody, frozen=True, kw_only=True):
    """An access token to be used now; "" where the provider never gave one."""

    access_token: str
    access_token_expires_at: Timestamp | UnsetType = UNSET
    scopes: list[str]
    id_token: str | UnsetType = UNSET


class RefreshedTokens(AnswerBody, frozen=True, kw_only=True):
    """All tokens of an account after a refresh; ``account_id`` is that of its row."""

    access_token: str
    refresh_token: str | None
    access_token_expires_at: Timestamp | UnsetType = UNSET
    refresh_token_expires_at: Timestamp | None
    scope: str | None
    id_token: str | None
    provider_id: str
    account_id: str


class AccountPerson(AnswerBody, frozen=True, kw_only=True):
    """A person as the provider knows them; what it does not tell is missing."""

    email: str | UnsetType = UNSET
    email_verified: bool
    image: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class AccountName(AnswerBody, frozen=True, kw_only=True):
    """Which account it is: ``id`` is that of the row, ``account_id`` the provider's own."""

    id: str
    provider_id: str
    account_id: str


class AccountInfo(AnswerBody, frozen=True, kw_only=True):
    """A person at the provider, all that it says of them, and the account."""

    user: AccountPerson
    data: dict[str, Any]
    account: AccountName


class AccountEndpoints(Endpoints):
    """The accounts of the one who asks."""

    @get("/list-accounts", answers=list[LinkedAccount])
    async def list_accounts(self, call: Call) -> Answer:
        """All of the user's ways in, without tokens and password hashes."""
        live = await call.session()
        accounts = await call.services.accounts.list_user_accounts(live.user.id)
        return Answer(body=[_linked(account) for account in accounts])

    @post("/unlink-account", answers=Status)
    async def unlink_account(self, call: Call, body: UnlinkAccount) -> Answer:
        """Take an account away, but for the last; asks for a fresh session."""
        live = await call.session(is_sensitive=True)
        call.services.sessions.require_fresh(live.session)
        await call.services.accounts.unlink(live.user.id, body.account_id)
        if _is_kept(call, body.account_id, live.user):
            call.put_cookies(call.web.account_cookie.clear(call.scope))
        return Answer(body={"status": True})

    @post("/get-access-token", answers=AccessTokenAnswer)
    async def get_access_token(self, call: Call, body: Selection) -> Answer:
        """The access token of an account, refreshed if it is about to expire."""
        account = await _selected(call, body, await _user(call))
        access = await call.services.provider_access.access(account)
        if access.is_refreshed:
            call.keep_account(access.account)
        tokens = access.tokens
        answer = AccessTokenAnswer(
            access_token=tokens.access_token or "",
            access_token_expires_at=access.account.access_token_expires_at or UNSET,
            scopes=list(tokens.scopes),
            id_token=tokens.id_token or UNSET,
        )
        return Answer(body=answer, is_private=True)

    @post("/refresh-token", answers=RefreshedTokens)
    async def refresh_token(self, call: Call, body: Selection) -> Answer:
        """New tokens from the provider, whether or not the old ones still hold."""
        user = await _user(call)
        account = await _selected(call, body, user)
        access = await call.services.provider_access.refresh(account)
        if _is_kept(call, account.id, user):
            call.keep_account(access.account)
        tokens = access.tokens
        answer = RefreshedTokens(
            access_token=tokens.access_token or "",
            refresh_token=tokens.refresh_token,
            access_token_expires_at=tokens.access_token_expires_at or UNSET,
            refresh_token_expires_at=tokens.refresh_token_expires_at,
            scope=access.account.scope,
            id_token=tokens.id_token,
            provider_id=account.provider_id,
            account_id=account.id,
        )
        return Answer(body=answer, is_private=True)

    @get("/account-info", answers=AccountInfo)
    async def account_info(self, call: Call, query: Selection) -> Answer:
        """Who the provider says the account belongs to; its access token is refreshed first if it has to be."""
        account = await _selected(call, query, await _user(call))
        profile, access = await call.services.provider_access.profile(account)
        if access.is_refreshed:
            call.keep_account(access.account)
        info = AccountInfo(
            user=_person(profile),
            data=dict(profile.claims),
            account=AccountName(id=account.id, provider_id=account.provider_id, account_id=account.account_id),
        )
        return Answer(body=info, is_private=True)


async def _user(call: Call) -> User:
    """Who asks; raises NoSession. The store of record decides, because tokens are given away."""
    live = await call.find_own_session(is_sensitive=True)
    if live is None:
        raise NoSession
    return live.user


async def _selected(call: Call, selection: Selection, user: User) -> Account:
    """The account that is meant, if it is that user's; raises AccountNotFound."""
    if isinstance(selection, AccountById):
        account = await call.services.accounts.find_own(user.id, selection.account_id)
    else:
        account = call.web.account_cookie.read(call.scope, user_id=user.id)
    if account is None:
        raise AccountNotFound
    return account


def _is_kept(call: Call, account_row_id: str, user: User) -> bool:
    """Whether the account cookie holds this account."""
    kept = call.web.account_cookie.read(call.scope, user_id=user.id)
    return kept is not None and kept.id == account_row_id


def _linked(account: Account) -> LinkedAccount:
    return LinkedAccount(
        account_id=account.account_id,
        provider_id=account.provider_id,
        user_id=account.user_id,
        created_at=account.created_at,
        updated_at=account.updated_at,
        id=account.id,
        scopes=list(scopes_of(account)),
    )


def _person(profile: Profile) -> AccountPerson:
    return AccountPerson(
        email=profile.email or UNSET,
        email_verified=profile.is_email_verified,
        image=profile.image or UNSET,
        name=profile.name or UNSET,
    )
