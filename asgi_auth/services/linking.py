"""Whose account a provider's person gets: an old user's, a new one's, or nobody's."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from asgi_auth.config import AccountOptions
from asgi_auth.engine import Engine, IntegrityViolation
from asgi_auth.errors import (
    AccountNotFound,
    LinkingNotAllowed,
    LinkingOtherEmail,
    NotFound,
    OAuthLinkFailed,
    SocialAccountAlreadyLinked,
    UserEmailMissing,
)
from asgi_auth.models import Account, User
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers.base import Profile, Provider
from asgi_auth.services.account import AccountService
from asgi_auth.services.email_address import is_email, normalize
from asgi_auth.services.users import UserService

NOT_LINKED = "account not linked"
NOT_LINKABLE = "unable to link account"
SIGN_UP_DISABLED = "signup disabled"
NOT_CREATED = "unable to create user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody whom a provider has sent back.

    Attributes:
        provider: who vouches.
        profile: who it is there.
        tokens: for requests in that person's name.
    """

    provider: Provider
    profile: Profile
    tokens: Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The user whom a visitor turned out to be, and the account that tells."""

    user: User
    account: Account
    is_new: bool = False


class _Raced(Exception):
    """Somebody else has just written what we were about to write."""


class LinkingService:
    """The accounts of providers and the users they belong to (Better Auth's contract, 10, "callback")."""

    def __init__(
        self, engine: Engine, options: AccountOptions, *, users: UserService, accounts: AccountService
    ) -> None:
        self._engine = engine
        self._options = options
        self._users = users
        self._accounts = accounts

    async def find_or_create(self, visitor: Visitor, *, may_sign_up: bool) -> Found:
        """The user of a provider's person: the one it is linked to, else the one of the same address, else a new one.

        Raises UserEmailMissing, OAuthLinkFailed with the reason, and whatever keeps a user from being created.
        """
        try:
            return await self._find_or_create(visitor, may_sign_up=may_sign_up)
        except _Raced:
            pass
        try:  # whoever was quicker, with another state of the same person, has left a user to be found
            return await self._find_or_create(visitor, may_sign_up=may_sign_up)
        except _Raced:
            raise OAuthLinkFailed(NOT_CREATED) from None

    async def link(self, user: User, visitor: Visitor) -> None:
        """Give a signed-in user a provider's account.

        Raises LinkingNotAllowed, LinkingOtherEmail or SocialAccountAlreadyLinked.
        """
        if not (self._options.links and self._is_believed(visitor)):
            raise LinkingNotAllowed
        if not self._options.links_other_emails and _address(visitor.profile) != user.email:
            raise LinkingOtherEmail
        try:
            await self._accounts.link(user.id, visitor.provider.id, visitor.profile.id, visitor.tokens)
        except NotFound:
            raise LinkingNotAllowed from None
        await self._follow(user, visitor)

    async def link_at_once(self, user: User, visitor: Visitor) -> None:
        """The same by an ID token: whose the account is already counts before its address does (Better Auth contract).

        Raises as ``link`` does.
        """
        account = await self._accounts.find_linked(visitor.provider.id, visitor.profile.id)
        if account is None:
            return await self.link(user, visitor)
        if account.user_id != user.id:
            raise SocialAccountAlreadyLinked
        try:
            await self._accounts.store_tokens(account, visitor.tokens)
        except AccountNotFound:  # unlinked this very moment
            raise LinkingNotAllowed from None
        return await self._follow(user, visitor)

    async def _follow(self, user: User, visitor: Visitor) -> None:
        if self._options.updates_user_on_link:
            await self._users.change(user.id, **_shown(visitor.profile))

    async def _find_or_create(self, visitor: Visitor, *, may_sign_up: bool) -> Found:
        if visitor.profile.email is None:
            raise UserEmailMissing
        account = await self._accounts.find_linked(visitor.provider.id, visitor.profile.id)
        if account is not None:
            return await self._let_in(account, visitor)
        if not is_email(visitor.profile.email):
            raise UserEmailMissing
        user = await self._users.find_by_email(visitor.profile.email, reads_record=True)
        if user is not None:
            return await self._link_by_email(user, visitor)
        if not may_sign_up:
            raise OAuthLinkFailed(SIGN_UP_DISABLED)
        return await self._create(visitor)

    async def _let_in(self, account: Account, visitor: Visitor) -> Found:
        user = await self._users.find(account.user_id, reads_record=True)
        if user is None:
            raise OAuthLinkFailed(NOT_LINKABLE)
        if self._options.updates_tokens_on_sign_in:
            try:
                account = await self._accounts.store_tokens(account, visitor.tokens)
            except AccountNotFound:  # unlinked this very moment
                raise _Raced from None
        user = await self._updated(user, visitor, follows=visitor.provider.updates_user_on_sign_in)
        return Found(user=user, account=account)

    async def _link_by_email(self, user: User, visitor: Visitor) -> Found:
        if not self._may_link_by_email(user, visitor):
            raise OAuthLinkFailed(NOT_LINKED)
        try:
            account = await self._accounts.link(user.id, visitor.provider.id, visitor.profile.id, visitor.tokens)
        except SocialAccountAlreadyLinked:
            raise _Raced from None
        except NotFound:
            raise OAuthLinkFailed(NOT_LINKABLE) from None
        follows = self._options.updates_user_on_link or visitor.provider.updates_user_on_sign_in
        return Found(user=await self._updated(user, visitor, follows=follows), account=account)

    def _may_link_by_email(self, user: User, visitor: Visitor) -> bool:
        """Whether the same address is the same person.

        Both sides have to know: the provider, because anybody may claim an address there, and we, because whoever
        signed up here first with somebody else's address would share that person's account.
        """
        options = self._options
        is_ours_proven = user.email_verified or not options.requires_verified_local_email
        return options.links and options.links_by_email and self._is_believed(visitor) and is_ours_proven

    def _is_believed(self, visitor: Visitor) -> bool:
        return visitor.profile.is_email_verified or visitor.provider.id in self._options.trusted_providers

    async def _updated(self, user: User, visitor: Visitor, *, follows: bool) -> User:
        """The user after what the provider says has been taken over; an address it has verified counts here too."""
        profile = visitor.profile
        if follows and (values := _shown(profile)):
            user = await self._users.change(user.id, **values)
        if user.email_verified or not profile.is_email_verified or _address(profile) != user.email:
            return user
        # Of this very address: the user may have changed it meanwhile.
        return await self._users.note_verified(user) or await self._users.get(user.id, reads_record=True)

    async def _create(self, visitor: Visitor) -> Found:
        profile = visitor.profile
        fields = self._users.input_fields.for_create({})
        plain = self._users.new(email=profile.email or "", name=profile.name, image=profile.image, fields=fields)
        user = structs.replace(plain, email_verified=profile.is_email_verified)
        try:
            async with self._engine.transaction():
                await self._users.add(user)
                account = await self._accounts.link(user.id, visitor.provider.id, profile.id, visitor.tokens)
                await self._users.announce(user)
        except (IntegrityViolation, SocialAccountAlreadyLinked):
            raise _Raced from None
        return Found(user=user, account=account, is_new=True)


def _address(profile: Profile) -> str | None:
    """A person's address as it would be stored; None for one that never is: of those, some look like others' at last.

    The Kelvin sign in lower case is a common k.
    """
    return normalize(profile.email) if profile.email and is_email(profile.email) else None


def _shown(profile: Profile) -> dict[str, object]:
    """What pages show of a person; what the provider does not tell stays as it was."""
    shown = {"name": profile.name or None, "image": profile.image}
    return {name: value for name, value in shown.items() if value is not None}
