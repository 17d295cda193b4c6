"""A feature that keeps organizations: who is a member of which, and what members may do with its keys."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Column, MetaData, Table, Text

from asgi_auth import Feature, Record
from asgi_auth.context import OrganizationAccess
from asgi_auth.crypto.tokens import generate_id

MEMBERS = Table(
    "clubMember",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("clubId", Text(), nullable=False),
    Column("userId", Text(), nullable=False),
    Column("actions", Text(), nullable=False),
)


class Member(Record, frozen=True, kw_only=True):
    club_id: str
    user_id: str
    actions: str
    id: str


class ClubService:
    """Who may do what with a club's keys."""

    def __init__(self, engine):
        self._members = engine.store("clubMember", Member)

    async def let_in(self, club_id: str, user_id: str, *actions: str) -> None:
        """Make somebody a member who may do this with the club's keys."""
        member = Member(club_id=club_id, user_id=user_id, actions=" ".join(actions), id=generate_id())
        await self._members.add(member)

    async def access(self, organization_id: str, *, user_id: str, resource: str, action: str) -> OrganizationAccess:
        member = await self._members.find(club_id=organization_id, user_id=user_id)
        if member is None:
            return "stranger"
        return "allowed" if resource == "apiKey" and action in member.actions.split() else "forbidden"


class Clubs(Feature):
    """What the organizations of other deployments are here."""

    name = "clubs"
    tables: ClassVar[tuple[Table, ...]] = (MEMBERS,)

    def install(self, services):
        service = ClubService(services.engine)
        services.add(service)
        services.organizations = service
