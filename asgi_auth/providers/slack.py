"""Slack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asgi_auth.providers.base import Params, Profile, Provider
from asgi_auth.providers.claims import Claims, read_flag, read_id, read_link, read_text


@dataclass(frozen=True, kw_only=True)
class Slack(Provider):
    """Sign in with Slack: OpenID Connect, without PKCE; its user-info endpoint describes the person.

    Documented in Slack's developer documentation, "Sign in with Slack", "openid.connect.token" and
    "openid.connect.userInfo": authorization ``slack.com/openid/connect/authorize``, tokens
    ``slack.com/api/openid.connect.token``, people ``slack.com/api/openid.connect.userInfo``; a refusal comes with
    status 200 and ``ok: false``. Slack's own claims begin with ``https://slack.com/``. An address is verified where
    ``email_verified`` is true, which Slack documents with the moment that it happened (``date_email_verified``).

    Attributes:
        team: a workspace's id: only its people are let in.
    """

    id: str = "slack"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    authorization_url: str | None = "https://slack.com/openid/connect/authorize"
    token_url: str | None = "https://slack.com/api/openid.connect.token"  # noqa: S105 # a URL
    user_info_url: str | None = "https://slack.com/api/openid.connect.userInfo"
    uses_pkce: bool = False
    takes_login_hint: bool = False
    team: str | None = None

    def requested_scopes(self, more: Sequence[str] = ()) -> tuple[str, ...]:
        """What is asked for: what a request adds stands before ``more_scopes`` (Better Auth contract)."""
        return (*self.scopes, *more, *self.more_scopes)

    def option_params(self) -> Params:
        """``team``."""
        return {"team": self.team} if self.team else {}

    def read(self, claims: Claims) -> Profile:
        """The answer of ``openid.connect.userInfo``."""
        if self.team and claims.get("https://slack.com/team_id") != self.team:
            raise ValueError("not an account of the workspace asked for")
        return Profile(
            id=read_id(claims, "https://slack.com/user_id"),
            email=read_text(claims, "email"),
            is_email_verified=read_flag(claims, "email_verified"),
            name=read_text(claims, "name") or "",
            image=read_link(claims, "picture") or read_link(claims, "https://slack.com/user_image_512"),
            claims=claims,
        )
