"""The types of JSON answers, as the description of the endpoints has them; some stand beside their endpoints."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.unshown import Unshown
from asgi_auth.models import Session, User


class AnswerBody(Unshown, frozen=True, kw_only=True):
    """The base of all JSON answers that are objects. User and Session stand for the composed records."""


class Page:
    """An HTML page, which is no JSON answer."""


class Ok(AnswerBody, frozen=True, kw_only=True):
    """The endpoints answer."""

    ok: bool


class Alive(AnswerBody, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["up"] = "up"


class Check(AnswerBody, frozen=True, kw_only=True):
    """How one thing is that the server rests on: how long it took to answer, and what kind of trouble there is."""

    status: Literal["up", "down"]
    ms: float
    trouble: Literal["timeout", "unavailable", "failed"] | UnsetType = UNSET


class Readiness(AnswerBody, frozen=True, kw_only=True):
    """How the server is: "degraded" serves all requests, "down" should get none."""

    status: Literal["up", "degraded", "down"]
    checks: dict[str, Check]


class Status(AnswerBody, frozen=True, kw_only=True):
    """It is done."""

    status: bool


class SignedOut(AnswerBody, frozen=True, kw_only=True):
    """The session has ended; where to go on to end the provider's too, and whether to go there at once."""

    success: bool
    url: str | UnsetType = UNSET
    redirect: bool | UnsetType = UNSET


class TokenAndUser(AnswerBody, frozen=True, kw_only=True):
    """A user, and the token of its new session; null where none began."""

    token: str | None
    user: User


class SignedInAnswer(AnswerBody, frozen=True, kw_only=True):
    """A user, the token of its new session, and where to go next, if it was said."""

    redirect: bool
    token: str
    url: str | UnsetType = UNSET
    user: User


class SocialSignIn(AnswerBody, frozen=True, kw_only=True):
    """Where to go to sign in at a provider; with an ID token, who is signed in now, by the session of this token."""

    url: str | UnsetType = UNSET
    redirect: bool
    token: str | UnsetType = UNSET
    user: User | UnsetType = UNSET


class SocialLink(AnswerBody, frozen=True, kw_only=True):
    """Where to go to have an account linked; with an ID token that is done, and ``url`` is empty."""

    url: str
    status: bool | UnsetType = UNSET
    redirect: bool


class SessionAndUser(AnswerBody, frozen=True, kw_only=True):
    """A session and its user; ``needsRefresh`` only where refreshing is left to POST."""

    session: Session
    user: User
    needs_refresh: bool | UnsetType = UNSET


class UpdatedSession(AnswerBody, frozen=True, kw_only=True):
    """The session as it is now."""

    session: Session
