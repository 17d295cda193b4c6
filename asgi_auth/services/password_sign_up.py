"""New users with a password, and what is told of an address that is taken: where possible nothing, not even by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from asgi_auth.config import AuthConfig
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.engine import Engine, IntegrityViolation
from asgi_auth.errors import EmailTaken, InvalidEmail, SignUpDisabled, UserNotCreated
from asgi_auth.mails import ExistingUserMail
from asgi_auth.models import User
from asgi_auth.services.email import EmailService
from asgi_auth.services.email_address import is_email
from asgi_auth.services.email_letters import Lead
from asgi_auth.services.password_rules import PasswordRules
from asgi_auth.services.rooms import Rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Somebody who wants to sign up; see ``PasswordAuthService.sign_up``. Its repr tells no password."""

    email: str
    password: str = field(repr=False)
    name: str
    image: str | None = None
    metadata: Mapping[str, object] = field(repr=False)  # may be the whole body of a request


class PasswordSignUpService:
    """Users and their passwords, stored together or not at all."""

    def __init__(
        self,
        engine: Engine,
        config: AuthConfig,
        rooms: Rooms,
        *,
        rules: PasswordRules,
        hasher: PasswordHasher,
        emails: EmailService,
    ) -> None:
        self._engine = engine
        self._options = config.password
        self._app_name = config.app_name
        self._users = rooms.users
        self._accounts = rooms.accounts
        self._mails = rooms.mails
        self._rules = rules
        self._hasher = hasher
        self._emails = emails
        self.signs_in = config.password.signs_in_after_sign_up and not config.password.requires_verified_email

    async def sign_up(self, applicant: Applicant, *, lead: Lead | None) -> User:
        """Store a new user, announce it and write to it; see PasswordAuthService for what is raised."""
        self._check(applicant)
        fields = self._users.input_fields.for_create(applicant.metadata)
        user = self._users.new(email=applicant.email, name=applicant.name, image=applicant.image, fields=fields)
        try:
            await self._store(user, applicant.password)
        except EmailTaken:
            await self._users.announce_taken()
            if self.signs_in:
                raise
            self._tell_owner(user.email)
            return user
        self._emails.greet(user, lead=lead)
        return user

    def _check(self, applicant: Applicant) -> None:
        if not (self._options.is_enabled and self._options.allows_sign_up):
            raise SignUpDisabled
        if not is_email(applicant.email):
            raise InvalidEmail
        self._rules.check_new(applicant.password)

    async def _store(self, user: User, password: str) -> None:
        is_taken = await self._users.find_by_email(user.email, reads_record=True) is not None
        if is_taken and self.signs_in:
            raise EmailTaken
        password_hash = await self._hasher.hash(password)
        if is_taken:
            await self._pretend(user, password_hash)
            raise EmailTaken
        try:
            async with self._engine.transaction():
                await self._add(user, password_hash)
                await self._users.announce(user)
        except IntegrityViolation:
            raise await self._users.refusal(user) from None

    async def _pretend(self, user: User, password_hash: str) -> None:
        """Do what storing the user would be, to the commit, with an address that nobody has, and nothing left of it.

        Otherwise the writes would tell: by their time, and by a value that another user has already.
        """
        stand_in = msgspec.structs.replace(user, email=f"{user.id.lower()}@taken.invalid")
        try:
            async with self._engine.transaction():
                await self._add(stand_in, password_hash)
                await self._engine.users.remove(id=stand_in.id)
        except IntegrityViolation:
            raise UserNotCreated from None

    async def _add(self, user: User, password_hash: str) -> None:
        await self._users.add(user)
        await self._accounts.add_credential(user.id, password_hash)

    def _tell_owner(self, email: str) -> None:
        """Write to whoever has an address that somebody tried to sign up with; even the look is beside the request."""
        if not self._options.tells_existing_user:
            return

        async def write() -> ExistingUserMail | None:
            owner = await self._users.find_by_email(email, reads_record=True)
            return None if owner is None else ExistingUserMail(to=owner.email, app_name=self._app_name, user=owner)

        self._mails.send_later(write)
