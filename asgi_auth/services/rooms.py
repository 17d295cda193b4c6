"""Rooms: the services that others rest on, handed over together."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.services.account import AccountService
from asgi_auth.services.mail import MailService
from asgi_auth.services.rate_limits import RateLimitService
from asgi_auth.services.session import SessionService
from asgi_auth.services.sign_in import SignInService
from asgi_auth.services.users import UserService
from asgi_auth.services.verification import VerificationService


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the services of ways in, of addresses and of deletion rest on."""

    users: UserService
    accounts: AccountService
    sessions: SessionService
    sign_in: SignInService
    verifications: VerificationService
    mails: MailService
    rate_limits: RateLimitService
