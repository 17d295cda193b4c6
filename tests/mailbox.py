"""A mailbox that keeps what is sent to it."""

from __future__ import annotations

from asgi_auth import Auth, LinkMail, Mail, MailOptions


class Mailbox:
    """A sender: keeps every letter, oldest first."""

    def __init__(self) -> None:
        self.letters: list[Mail] = []

    async def __call__(self, mail: Mail) -> None:
        self.letters.append(mail)

    @property
    def options(self) -> MailOptions:
        return MailOptions(sender=self)

    async def arrived(self, auth: Auth) -> list[Mail]:
        """All letters, once those under way have arrived."""
        await auth.services.mails.settle()
        return self.letters

    async def link(self, auth: Auth) -> LinkMail:
        """The newest letter, which has a link."""
        letter = (await self.arrived(auth))[-1]
        assert isinstance(letter, LinkMail)
        return letter
