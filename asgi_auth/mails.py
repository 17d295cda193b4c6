"""The letters that the flows send, each a type of its own, so that a sender can word and route them as it likes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ClassVar
from unicodedata import category

from asgi_auth.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail(ABC):
    """A letter to one person; features add their own kinds.

    Attributes:
        kind: what it is for, as Better Auth's hooks are named in its documents ("reset-password").
        to: the address it goes to.
        app_name: the service it comes from.
    """

    kind: ClassVar[str]

    to: str
    app_name: str = "asgi_auth"

    @property
    @abstractmethod
    def subject(self) -> str:
        """One line, in English."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The whole letter as plain text, in English; holds the link."""


MAX_NAME = 60
"""Characters of a name in a letter; a longer one is a text."""


def greeting(user: User) -> str:
    """How a letter begins: by name, or without where the name might be more than a name.

    Whoever signs up chooses the name, and may do so with somebody else's address. Letters of ours carry nobody's links,
    numbers or lines to strangers.
    """
    return f"Hello {user.name}," if _is_plain(user.name) else "Hello,"


def _is_plain(name: str) -> bool:
    """Letters of any script, with what stands between them; no dot within, which programs make a link of."""
    is_short = 0 < len(name.strip()) <= len(name) <= MAX_NAME
    is_name = all(category(letter)[0] in "LM" or letter in " '\u2019-." for letter in name)
    return is_short and is_name and not any("." in word.rstrip(".") for word in name.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMail(Mail):
    """A letter with a link in it.

    Attributes:
        user: whom it concerns.
        url: the link; whoever has it can do what it is for.
        token: the secret in the link, for applications with pages of their own.
    """

    user: User
    url: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPasswordMail(LinkMail):
    """Somebody has forgotten the password, or says so."""

    kind = "reset-password"

    @property
    def subject(self) -> str:
        """See Mail."""
        return f"Choose a new password for {self.app_name}"

    @property
    def text(self) -> str:
        """See Mail."""
        return (
            f"{greeting(self.user)}\n\nfollow this link to choose a new password for {self.app_name}:\n\n"
            f"{self.url}\n\n"
            "If you did not ask for it, ignore this message: your password stays as it is.\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyEmailMail(LinkMail):
    """An address is to be confirmed: at sign-up, on request, or the new one when it changes."""

    kind = "verify-email"

    @property
    def subject(self) -> str:
        """See Mail."""
        return f"Confirm your address for {self.app_name}"

    @property
    def text(self) -> str:
        """See Mail."""
        return (
            f"{greeting(self.user)}\n\nfollow this link to confirm that this is your address:\n\n{self.url}\n\n"
            f"If you have no account at {self.app_name}, ignore this message.\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmEmailChangeMail(LinkMail):
    """To the old address: somebody wants to exchange it for another."""

    kind = "change-email-confirmation"

    new_email: str

    @property
    def subject(self) -> str:
        """See Mail."""
        return f"Confirm the change of your address at {self.app_name}"

    @property
    def text(self) -> str:
        """See Mail."""
        return (
            f"{greeting(self.user)}\n\nyour address at {self.app_name} is to become {self.new_email}. "
            f"Follow this link to allow it:\n\n{self.url}\n\n"
            "If you did not ask for it, ignore this message and change your password.\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAccountMail(LinkMail):
    """An account is to be deleted."""

    kind = "delete-account"

    @property
    def subject(self) -> str:
        """See Mail."""
        return f"Confirm the deletion of your account at {self.app_name}"

    @property
    def text(self) -> str:
        """See Mail."""
        return (
            f"{greeting(self.user)}\n\nfollow this link to delete your account at {self.app_name} for good:\n\n"
            f"{self.url}\n\nIf you did not ask for it, ignore this message and change your password.\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingUserMail(Mail):
    """Somebody tried to sign up with an address that has an account; whoever did was told nothing."""

    kind = "existing-user"

    user: User

    @property
    def subject(self) -> str:
        """See Mail."""
        return f"You have an account at {self.app_name} already"

    @property
    def text(self) -> str:
        """See Mail."""
        return (
            f"{greeting(self.user)}\n\nsomebody tried to sign up at {self.app_name} with this address. "
            "You have an account already: sign in, or choose a new password if you have forgotten yours.\n\n"
            "If it was not you, ignore this message.\n"
        )


Sender = Callable[[Mail], Awaitable[None]]
"""Sends a letter. It is never awaited where its time would tell something; what it raises is logged."""
