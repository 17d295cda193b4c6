"""What the endpoints of API keys cost in statements: the same however many keys there are."""

from __future__ import annotations

import pytest

from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.features.api_key.clubs import Clubs, ClubService
from tests.features.api_key.keys import create, person, service
from tests.support import user_id

# path, body, statements; each begins with the session, by the store of record
COSTS = [
    ("create", {}, 2),
    ("update", {"keyId": "mine", "name": "x"}, 3),  # the key; the change
    ("update", {"keyId": "mine", "enabled": False}, 3),
    ("delete", {"keyId": "mine"}, 2),
    ("create", {"configId": "club", "organizationId": "chess"}, 3),  # what one may do
    ("update", {"keyId": "ours", "configId": "club", "name": "x"}, 5),  # the key, what one may do, the key, the change
    ("delete", {"keyId": "ours", "configId": "club"}, 4),
]
READS = [
    ("get", {"id": "mine"}, 1),
    ("list", {}, 2),  # how many, and a page of them
    ("get", {"id": "ours", "configId": "club"}, 2),
    ("list", {"organizationId": "chess"}, 3),
]


@pytest.fixture(params=[1, 20], ids=["one key", "twenty keys"])
async def counted(request, make_auth):
    """How many statements a request of Ada's costs; she and her club have so many keys."""
    club = ApiKeyOptions(config_id="club", references="organization")
    auth = make_auth(features=[ApiKeys(ApiKeyOptions(), club), Clubs()])
    async with person(auth) as ada:
        await auth.services.get(ClubService).let_in("chess", await user_id(ada), "create", "read", "update", "delete")
        for _ in range(request.param):
            mine = await create(ada)
            ours = await create(ada, configId="club", organizationId="chess")
        known = {"mine": mine["id"], "ours": ours["id"]}
        await service(auth).settle()

        async def count(method, path, asked):
            given = {name: known.get(value, value) for name, value in asked.items()}
            with auth.services.engine.recorded() as statements:
                response = await ada.request(
                    method, f"/api/auth/api-key/{path}", **({"params": given} if method == "GET" else {"json": given})
                )
                await service(auth).settle()
            assert response.status_code == 200, response.text
            return statements

        yield count


@pytest.mark.parametrize(("path", "asked", "most"), COSTS)
async def test_a_change_costs_what_the_table_says(counted, path, asked, most):
    statements = await counted("POST", path, asked)
    assert len(statements) == most, statements


@pytest.mark.parametrize(("path", "asked", "most"), READS)
async def test_a_read_costs_what_the_table_says(counted, path, asked, most):
    statements = await counted("GET", path, asked)
    assert len([sql for sql in statements if "apikey" in sql or "clubMember" in sql]) == most, statements
    assert len(statements) <= most + 1, "the session, where it is not remembered"
