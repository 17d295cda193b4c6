"""Our own keys: how they are stored, which one signs, which verify, and for how long; on the frozen clock."""

from __future__ import annotations

import asyncio
import json
import traceback
from datetime import timedelta

import pytest

from asgi_auth import Secret
from asgi_auth.crypto.jwk import MOST_KEYS, parse_key_set
from asgi_auth.crypto.key_pairs import generate_pair
from asgi_auth.errors import InvalidToken
from asgi_auth.features.jwt import JWTService, SigningKeyUnreadable
from asgi_auth.features.jwt.models import StoredKey
from tests.features.jwt.stored_keys import add_key, kid_of, part, rows
from tests.support import SECRET, FrozenClock

TWO_SECONDS = {"rotation_interval": timedelta(seconds=2), "grace": timedelta(seconds=2)}


async def published(service):
    return [key["kid"] for key in (await service.get_jwks())["keys"]]


async def test_a_key_is_stored_as_better_auth_stores_it(auth, service, clock):
    token = await service.sign_jwt({"sub": "u"})
    (row,) = await rows(auth)
    assert (row.id, row.alg, row.crv) == (kid_of(token), "EdDSA", "Ed25519")
    assert (row.created_at, row.expires_at) == (clock(), None)
    assert list(json.loads(row.public_key)) == ["crv", "x", "kty"]
    assert row.public_key == json.dumps(json.loads(row.public_key), separators=(",", ":"))
    sealed = json.loads(row.private_key)
    assert isinstance(sealed, str)
    private = json.loads(auth.services.cipher.decrypt(sealed))
    assert list(private) == ["crv", "d", "x", "kty"]
    assert private["d"] not in repr(row)


async def test_a_key_may_be_stored_unencrypted(make_jwt):
    auth = make_jwt({"encrypts_keys": False})
    service = auth.services.get(JWTService)
    token = await service.sign_jwt({"sub": "u"})
    (row,) = await rows(auth)
    assert list(json.loads(row.private_key)) == ["crv", "d", "x", "kty"]
    assert (await service.verify_jwt(token)).subject == "u"


@pytest.mark.parametrize(
    ("algorithm", "curve", "names"),
    [
        ("EdDSA", "Ed25519", ["alg", "crv", "x", "kty", "kid"]),
        ("ES256", "P-256", ["alg", "crv", "kty", "x", "y", "kid"]),
        ("ES512", "P-521", ["alg", "crv", "kty", "x", "y", "kid"]),
        ("PS256", None, ["alg", "kty", "n", "e", "kid"]),
        ("RS256", None, ["alg", "kty", "n", "e", "kid"]),
    ],
)
async def test_every_algorithm_signs_and_is_published_in_the_contracts_order(make_jwt, algorithm, curve, names):
    auth = make_jwt({"algorithm": algorithm})
    service = auth.services.get(JWTService)
    token = await service.sign_jwt({"sub": "u"})
    assert part(token, 0)["alg"] == algorithm
    assert (await service.verify_jwt(token)).subject == "u"
    (row,) = await rows(auth)
    assert (row.alg, row.crv) == (algorithm, curve)
    (key,) = (await service.get_jwks())["keys"]
    assert list(key) == names
    assert (key["alg"], key["kid"]) == (algorithm, row.id)


async def test_a_key_is_given_for_its_own_algorithm_alone(service):
    kid = kid_of(await service.sign_jwt({"sub": "u"}))
    for algorithm in ("EdDSA", "Ed25519"):
        assert (await service.trusted.keys.get(kid, algorithm)).key.kid == kid
    for algorithm in ("ES256", "RS256", "Ed448"):
        with pytest.raises(InvalidToken):
            await service.trusted.keys.get(kid, algorithm)
    with pytest.raises(InvalidToken):
        await service.trusted.keys.get(None, "EdDSA")


async def test_the_longer_curve_signs_as_well(make_jwt):
    service = make_jwt({"curve": "Ed448"}).services.get(JWTService)
    token = await service.sign_jwt({"sub": "u"})
    assert part(token, 0)["alg"] == "EdDSA"
    assert (await service.verify_jwt(token)).subject == "u"


async def test_there_is_a_key_as_soon_as_somebody_asks_for_them(auth, service):
    (kid,) = await published(service)
    assert [row.id for row in await rows(auth)] == [kid]
    assert kid_of(await service.sign_jwt({"sub": "u"})) == kid


async def test_a_key_signs_until_it_expires_and_is_published_until_its_grace_is_over(make_jwt, database_url, clock):
    service = make_jwt(TWO_SECONDS, database=database_url).services.get(JWTService)
    token = await service.sign_jwt({"sub": "u"})
    old = kid_of(token)
    clock.advance(seconds=1)
    assert kid_of(await service.sign_jwt({"sub": "u"})) == old
    clock.advance(seconds=1.5)
    assert await published(service) == [old]  # asking for them rotates nothing
    await service.verify_jwt(token)
    new = kid_of(await service.sign_jwt({"sub": "u"}))
    assert new != old
    assert await published(service) == [old, new]
    await service.verify_jwt(token)
    clock.advance(seconds=1.5)
    assert await published(service) == [new]
    with pytest.raises(InvalidToken):
        await service.verify_jwt(token)


@pytest.mark.parametrize("looks", range(1, 7))
async def test_a_key_that_expires_while_it_is_looked_at_keeps_nobody_from_signing(make_jwt, clock, monkeypatch, looks):
    service = make_jwt(TWO_SECONDS).services.get(JWTService)
    await service.sign_jwt({"sub": "u"})
    clock.advance(seconds=2, microseconds=-looks)
    standing_still = FrozenClock.__call__

    def going(self):
        self.advance(microseconds=1)
        return standing_still(self)

    monkeypatch.setattr(FrozenClock, "__call__", going)
    assert await service.verify_jwt(await service.sign_jwt({"sub": "u"}))


async def test_what_is_remembered_of_a_token_ends_with_its_key(make_jwt, clock):
    service = make_jwt(TWO_SECONDS).services.get(JWTService)
    began = clock().timestamp()
    verified = await service.verify_jwt(await service.sign_jwt({"sub": "u"}, lifetime=timedelta(hours=1)))
    assert verified.standing.until == began + 4


async def test_rotation_ends_all_others_each_with_its_grace(auth, service, clock):
    await add_key(auth, id="first", created_at=clock())
    clock.advance(seconds=1)
    token = await service.sign_jwt({"sub": "u"})
    assert kid_of(token) == "first"
    new = await service.rotate_keys()
    assert kid_of(await service.sign_jwt({"sub": "u"})) == new
    assert {row.id: row.expires_at for row in await rows(auth)} == {"first": clock(), new: None}
    await service.verify_jwt(token)
    clock.advance(days=29, hours=23)
    assert await published(service) == ["first", new]
    clock.advance(hours=1)
    assert await published(service) == [new]


async def test_rotation_leaves_keys_alone_that_ended_before(auth, service, clock):
    ended = clock()
    await add_key(auth, expires_at=ended)
    clock.advance(days=1)
    await service.rotate_keys()
    assert (await rows(auth))[0].expires_at == ended


async def test_many_who_rotate_at_once_leave_one_key_that_signs(auth, service, clock):
    made = await asyncio.gather(*(service.rotate_keys() for _ in range(5)))
    assert len(set(made)) == 5
    assert [row.id for row in await rows(auth) if row.expires_at is None or row.expires_at > clock()] != []
    assert len([row for row in await rows(auth) if row.expires_at is None]) == 1


async def test_the_newest_key_of_the_configured_algorithm_signs(auth, service, clock):
    await add_key(auth, id="older", created_at=clock() - timedelta(days=2))
    await add_key(auth, id="newer", created_at=clock() - timedelta(days=1))
    await add_key(auth, id="other", pair_of="ES256", created_at=clock())
    await add_key(auth, id="ended", created_at=clock(), expires_at=clock())
    assert kid_of(await service.sign_jwt({"sub": "u"})) == "newer"


async def test_a_key_that_does_not_say_what_it_is_for_is_for_what_is_configured(auth, service, clock):
    await add_key(auth, id="newer", alg=None, crv=None, created_at=clock())
    token = await service.sign_jwt({"sub": "u"})
    assert part(token, 0) == {"alg": "EdDSA", "kid": "newer"}
    assert (await service.get_jwks())["keys"][0]["alg"] == "EdDSA"
    await service.verify_jwt(token)


async def test_where_there_is_none_of_it_another_one_signs_with_its_own(auth, service):
    await add_key(auth, id="other", pair_of="ES256")
    token = await service.sign_jwt({"sub": "u"})
    assert part(token, 0) == {"alg": "ES256", "kid": "other"}
    await service.verify_jwt(token)
    assert part(await service.sign_jwt({"sub": "u"}), 0)["alg"] == "ES256"
    await service.rotate_keys()
    assert part(await service.sign_jwt({"sub": "u"}), 0)["alg"] == "EdDSA"


async def test_what_is_no_key_is_neither_published_nor_signs(auth, service):
    for number, fields in enumerate(
        [
            {"public_key": "{"},
            {"public_key": "[]"},
            {"public_key": "[" * 100_000},
            {"public_key": json.dumps({**generate_pair("EdDSA").public, "use": "\ud800"})},
            {"public_key": '{"kty":"oct","k":"AAAA"}'},
            {"alg": "ECDH-ES"},
        ]
    ):
        await add_key(auth, id=str(number), **fields)
    kid = kid_of(await service.sign_jwt({"sub": "u"}))
    assert await published(service) == [kid]


async def test_of_a_key_that_was_stored_whole_the_secret_part_is_not_published(auth, service):
    pair = generate_pair("EdDSA")
    await add_key(auth, public_key=json.dumps(dict(pair.private)), private_key=json.dumps(dict(pair.private)))
    await service.verify_jwt(await service.sign_jwt({"sub": "u"}))
    (key,) = (await service.get_jwks())["keys"]
    assert key == {"alg": "EdDSA", **pair.public, "kid": "made-elsewhere"}


@pytest.mark.parametrize("private", ['"00ff"', '"', "{}", '{"kty":"OKP"}', "null", '["a"]'])
async def test_a_key_that_cannot_be_read_signs_nothing_and_goes_on_verifying(make_jwt, auth, service, private):
    token = await service.sign_jwt({"sub": "u"})
    (row,) = await rows(auth)
    await auth.services.engine.store("jwks", StoredKey).change({"id": row.id}, private_key=private)
    for _ in range(2):
        with pytest.raises(SigningKeyUnreadable, match=row.id):
            await service.sign_jwt({"sub": "u"})
    assert (await service.verify_jwt(token)).subject == "u"
    assert await published(service) == [row.id]
    await service.rotate_keys()
    await service.verify_jwt(await service.sign_jwt({"sub": "u"}))


async def test_the_secret_part_of_another_key_signs_nothing(auth, service):
    other = await add_key(auth, id="other")
    await add_key(auth, id="mixed", private_key=other.private_key, created_at=auth.services.clock())
    with pytest.raises(SigningKeyUnreadable) as caught:
        await service.sign_jwt({"sub": "u"})
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert json.loads(other.private_key)["d"] not in "".join(shown.format())


async def test_another_secret_cannot_read_the_key_and_an_older_one_can(make_jwt, sqlite_url):
    def with_secrets(*values):
        secrets = tuple(Secret(value, version=len(values) - number) for number, value in enumerate(values))
        return make_jwt(database=sqlite_url, secret=None, secrets=secrets).services.get(JWTService)

    first = await with_secrets(SECRET).sign_jwt({"sub": "u"})
    rotated = with_secrets("another-secret-0123456789-abcdefghijklm", SECRET)
    assert kid_of(await rotated.sign_jwt({"sub": "u"})) == kid_of(first)
    strange = with_secrets("a-third-secret-0123456789-abcdefghijklm")
    with pytest.raises(SigningKeyUnreadable):
        await strange.sign_jwt({"sub": "u"})
    await strange.verify_jwt(first)


async def test_no_more_keys_are_published_than_anybody_reads(auth, service, clock):
    for number in range(MOST_KEYS + 5):
        await add_key(auth, id=f"{number:03}", created_at=clock())
        clock.advance(seconds=1)
    listed = await published(service)
    assert listed == [f"{number:03}" for number in range(5, MOST_KEYS + 5)]
    assert len(parse_key_set(await service.get_jwks())) == MOST_KEYS
    assert kid_of(await service.sign_jwt({"sub": "u"})) == listed[-1]
