"""Endpoints of API keys: somebody's own, and those of their organizations."""

from __future__ import annotations

from msgspec import UNSET

from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.engine.store import LIST_LIMIT
from asgi_auth.errors import NotAuthenticated
from asgi_auth.features.api_key.bodies import (
    SORTED_BY,
    ApiKeyQuery,
    ApiKeysAnswer,
    ApiKeysQuery,
    CreateApiKey,
    DeleteApiKey,
    Success,
    UpdateApiKey,
)
from asgi_auth.features.api_key.errors import (
    InsufficientPermissions,
    NotMemberOfOrganization,
    OrganizationIdRequired,
    OrganizationsMissing,
    SessionRequired,
)
from asgi_auth.features.api_key.models import CreatedApiKey
from asgi_auth.features.api_key.options import ApiKeyOptions
from asgi_auth.features.api_key.service import ApiKeyService
from asgi_auth.fields import wire
from asgi_auth.models import ApiKey, User

RESOURCE = "apiKey"
"""What organizations' roles call their keys."""


class ApiKeyEndpoints(Endpoints):
    """The keys of the one who asks. All of it manages credentials: nobody gets here by a key."""

    def __init__(self, service: ApiKeyService) -> None:
        self._keys = service

    @post("/api-key/create", answers=CreatedApiKey)
    async def create_api_key(self, call: Call, body: CreateApiKey) -> Answer:
        """Make a key: this answer is the only one that ever holds it."""
        options = self._keys.configurations.get(body.config_id or None)
        body.check_is_clients()
        if body.user_id is not UNSET:
            raise SessionRequired
        organization_id = body.owning_organization
        if options.references == "organization" and not organization_id:
            raise OrganizationIdRequired
        user = await _user(call)
        owner_id = user.id
        if options.references == "organization":
            owner_id = organization_id
            await _require_access(call, owner_id, user=user, action="create")
        created = await self._keys.create_api_key(
            owner_id, config_id=options.config_id, asked_by=user.id, **body.wanted
        )
        return Answer(body=_with_key(created), is_private=True)

    @get("/api-key/get", answers=ApiKey)
    async def get_api_key(self, call: Call, query: ApiKeyQuery) -> Answer:
        """One key, without the key itself."""
        user = await _reader(call)
        options = self._keys.configurations.get(query.config_id or None)
        found = await self._find(call, query.id, options=options, user=user, action="read")
        return Answer(body=wire(found))

    @get("/api-key/list", answers=ApiKeysAnswer)
    async def list_api_keys(self, call: Call, query: ApiKeysQuery) -> Answer:
        """Somebody's keys, or an organization's; at most 100 at a time."""
        user = await _reader(call)
        owner_id = user.id if query.organization_id is UNSET else query.organization_id
        if query.organization_id:
            await _require_access(call, owner_id, user=user, action="read")
        if query.config_id:
            self._keys.configurations.get(query.config_id)
        found = await self._keys.list_api_keys(
            owner_id,
            config_id=query.config_id or None,
            limit=LIST_LIMIT if query.limit is UNSET else query.limit,
            offset=query.offset or 0,
            sort_by=SORTED_BY[query.sort_by] if query.sort_by else None,
            is_descending=query.sort_direction == "desc",
        )
        body: dict[str, object] = {"apiKeys": [wire(key) for key in found.keys], "total": found.total}
        if query.limit is not UNSET:
            body["limit"] = min(query.limit, LIST_LIMIT)
        if query.offset is not UNSET:
            body["offset"] = query.offset
        return Answer(body=body)

    @post("/api-key/update", answers=ApiKey)
    async def update_api_key(self, call: Call, body: UpdateApiKey) -> Answer:
        """Change a key."""
        user = await _user(call)
        if body.asked_for not in ("", user.id):
            raise SessionRequired
        body.check_is_clients()
        options = self._keys.configurations.get(body.config_id or None)
        owner_id = await self._owner(call, body.key_id, options=options, user=user, action="update")
        changed = await self._keys.update_api_key(
            body.key_id, owner_id=owner_id, config_id=options.config_id, asked_by=user.id, **body.changes
        )
        return Answer(body=wire(changed))

    @post("/api-key/delete", answers=Success)
    async def delete_api_key(self, call: Call, body: DeleteApiKey) -> Answer:
        """Delete a key for good."""
        user = (await call.session(is_sensitive=True)).user
        options = self._keys.configurations.get(body.config_id or None)
        owner_id = await self._owner(call, body.key_id, options=options, user=user, action="delete")
        await self._keys.delete_api_key(body.key_id, owner_id=owner_id, config_id=options.config_id, asked_by=user.id)
        return Answer(body={"success": True})

    async def _find(self, call: Call, key_id: str, *, options: ApiKeyOptions, user: User, action: str) -> ApiKey:
        """A key that the user may do something with; raises ApiKeyNotFound, or what the organization says."""
        if options.references == "user":
            return await self._keys.get_api_key(key_id, owner_id=user.id, config_id=options.config_id)
        found = await self._keys.get_api_key(key_id, config_id=options.config_id)
        await _require_access(call, found.reference_id, user=user, action=action)
        return found

    async def _owner(self, call: Call, key_id: str, *, options: ApiKeyOptions, user: User, action: str) -> str:
        """Whose a key has to be that the user may do something with."""
        if options.references == "user":
            return user.id
        found = await self._find(call, key_id, options=options, user=user, action=action)
        return found.reference_id


async def _user(call: Call) -> User:
    """Who is signed in, by the store of record; raises SessionRequired."""
    try:
        return (await call.session(is_sensitive=True)).user
    except NotAuthenticated:
        raise SessionRequired from None


async def _reader(call: Call) -> User:
    """Who is signed in, not by a key; raises NotAuthenticated."""
    if call.has_stand_in:
        raise NotAuthenticated
    return (await call.session()).user


async def _require_access(call: Call, organization_id: str, *, user: User, action: str) -> None:
    organizations = call.services.organizations
    if organizations is None:
        raise OrganizationsMissing
    access = await organizations.access(organization_id, user_id=user.id, resource=RESOURCE, action=action)
    if access == "stranger":
        raise NotMemberOfOrganization
    if access != "allowed":
        raise InsufficientPermissions


def _with_key(created: CreatedApiKey) -> dict[str, object]:
    """The answer in the contract's order: the key itself stands behind its prefix."""
    told = wire(created)
    key = told.pop("key")
    answer: dict[str, object] = {}
    for name, value in told.items():
        answer[name] = value
        if name == "prefix":
            answer["key"] = key
    return answer
