"""What attackers send in place of tokens: refused as the contract says, with nothing of it in the logs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe
from joserfc.jwk import OctKey, OKPKey

from asgi_auth.crypto import base64url
from asgi_auth.features.jwt import Jwt, JWTMiddleware, JwtOptions
from tests.endpoints.wire import DENIAL_EXTENSION, exchange, websocket
from tests.features.jwt.asking import Seen, ask, bearer, declared, newcomer
from tests.servers.issuer import IssuerServer, new_key, signed, with_header
from tests.services.recorders import Figures
from tests.support import whoami

CANARY = "canary-7d1f9b"


@dataclass(frozen=True)
class Attacker:
    """What somebody has who attacks: an issuer's server, a good token of it, and whatever they can make themselves."""

    issuer: IssuerServer
    stranger: dict[str, Any]

    @property
    def claims(self) -> dict[str, Any]:
        return self.issuer.claims(sub=CANARY)

    def header(self, **changes: Any) -> dict[str, Any]:
        return {"alg": "EdDSA", "kid": self.issuer.keys[0]["kid"], **changes}

    def rightly_signed(self, header: dict[str, Any] | bytes | None = None, claims: Any = None) -> str:
        """As if the issuer itself had signed it."""
        header = self.header() if header is None else header
        return with_header(header, self.claims if claims is None else claims, self.issuer.keys[0])

    def unsigned(self, algorithm: str) -> str:
        return f"{_part(self.header(alg=algorithm))}.{_part(self.claims)}."

    def keyed_with(self, secret: bytes) -> str:
        text = f"{_part(self.header(alg='HS256'))}.{_part(self.claims)}"
        return f"{text}.{base64url.encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    def public(self, form: str) -> bytes:
        key = OKPKey.import_key(self.issuer.keys[0]).public_key
        if form == "pem":
            return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return key.public_bytes_raw()

    def encrypted(self, plain: bytes) -> str:
        header = {"alg": "dir", "enc": "A256GCM", "zip": "DEF"}
        return jwe.encrypt_compact(header, plain, OctKey.import_key(bytes(32)), algorithms=["dir", "A256GCM", "DEF"])


def _part(value: Any) -> str:
    return base64url.encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def _nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def _twice(attacker: Attacker, name: str) -> bytes:
    claims = json.dumps(attacker.claims)
    return f'{claims[:-1]},"{name}":{json.dumps(attacker.claims[name])}}}'.encode()


ATTACKS: dict[str, Callable[[Attacker], str]] = {
    "unsigned": lambda a: a.unsigned("none"),
    "unsigned in another spelling": lambda a: a.unsigned("nOnE"),
    "unsigned and named as signed": lambda a: a.unsigned("EdDSA"),
    "signed with the public key as a secret": lambda a: a.keyed_with(a.public("raw")),
    "signed with the public key's text as a secret": lambda a: a.keyed_with(a.public("pem")),
    "signed with an empty secret": lambda a: a.keyed_with(b""),
    "signed by a stranger": lambda a: signed(a.claims, a.stranger),
    "signed by a stranger of the same name": lambda a: signed(a.claims, {**a.stranger, "kid": a.issuer.keys[0]["kid"]}),
    "a stranger's key in the header": lambda a: a.rightly_signed(a.header(jwk={**a.stranger, "d": None})),
    "a place of keys in the header": lambda a: a.rightly_signed(a.header(jku=f"{a.issuer.url}/evil")),
    "a key that is a path": lambda a: a.rightly_signed(a.header(kid="../../../../dev/null")),
    "a key that is SQL": lambda a: a.rightly_signed(a.header(kid="' OR 1=1 --")),
    "a key with a line break": lambda a: a.rightly_signed(a.header(kid=f"x\r\n{CANARY}")),
    "a key that is no text": lambda a: a.rightly_signed(a.header(kid=["first"])),
    "an extension that must be known": lambda a: a.rightly_signed(a.header(crit=["x"], x=1)),
    "a payload that is not encoded": lambda a: a.rightly_signed(a.header(b64=False, crit=["b64"])),
    "a token for logging out": lambda a: a.rightly_signed(a.header(typ="logout+jwt")),
    "a header with a name twice": lambda a: a.rightly_signed(b'{"alg":"EdDSA","alg":"EdDSA","kid":"first"}'),
    "claims with a name twice": lambda a: a.rightly_signed(claims=_twice(a, "sub")),
    "claims that are a list": lambda a: a.rightly_signed(claims=b"[]"),
    "claims that are no JSON": lambda a: a.rightly_signed(claims=CANARY.encode()),
    "claims that are nested": lambda a: a.rightly_signed(claims=_nested(2000)),
    "another issuer": lambda a: a.rightly_signed(claims={**a.claims, "iss": "https://evil.test"}),
    "another audience": lambda a: a.rightly_signed(claims={**a.claims, "aud": "other"}),
    "no audience": lambda a: signed(a.issuer.claims(aud=None), a.issuer.keys[0]),
    "no end": lambda a: signed(a.issuer.claims(exp=None), a.issuer.keys[0]),
    "ended": lambda a: a.issuer.token(exp=1, sub=CANARY),
    "not begun": lambda a: a.issuer.token(nbf=a.claims["exp"], sub=CANARY),
    "no subject": lambda a: signed(a.issuer.claims(sub=None), a.issuer.keys[0]),
    "huge": lambda a: a.issuer.token(sub=CANARY, more="x" * 1_000_000),
    "encrypted, and growing a thousandfold": lambda a: a.encrypted(bytes(1_000_000)),
    "three empty parts": lambda _: "..",
    "three words": lambda _: f"{CANARY}.{CANARY}.{CANARY}",
    "not ASCII": lambda _: f"{CANARY}\xff.\xfe.\xfd",
    "a token with blanks in it": lambda a: a.issuer.token(sub=CANARY).replace(".", " . "),
    "a token with a comma behind it": lambda a: a.issuer.token(sub=CANARY) + ",",
    "a token with its padding": lambda a: a.issuer.token(sub=CANARY) + "=",
}

# an encrypted token has four dots, and is a session token that is none
BEARER = {"encrypted, and growing a thousandfold"}


@pytest.fixture
def attacker(issuer):
    return Attacker(issuer, new_key("stranger"))


@pytest.fixture
def figures():
    return Figures()


@pytest.fixture
def auth(make_auth, issuer, figures):
    options = JwtOptions(issuers=(declared(issuer),))
    return make_auth(features=[Jwt(options)], base_url="http://app.test", metrics=figures)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_bad_input_is_refused_and_nothing_of_it_is_logged(auth, attacker, figures, attack):
    token = ATTACKS[attack](attacker)
    ada, _ = await newcomer(auth)
    seen = Seen()
    kind = "bearer" if attack in BEARER else "jwt"
    app, required = auth.wrap(seen), JWTMiddleware(whoami, auth.services, required=True)
    with structlog.testing.capture_logs() as logs, auth.services.engine.recorded() as statements:
        for _ in range(2):
            answer = await ask(app, ada.cookie, bearer(token))
            assert answer.status == 200
            assert answer.header("set-cookie") == []
            said = answer.json()
            assert (said["subject"], said["credential"], said["error"]) == (None, kind, "UNAUTHORIZED")
        refused = await ask(required, bearer(token))
        denied = await exchange(required, websocket(headers=[bearer(token)], extensions=DENIAL_EXTENSION))
    challenge = 'Bearer realm="asgi_auth"' + (', error="invalid_token"' if kind == "jwt" else "")
    for answer in (refused, denied):
        assert (answer.status, answer.json()) == (401, {"message": "Unauthorized", "code": "UNAUTHORIZED"})
        assert answer.header("www-authenticate") == [challenge]
    assert not any(statement.startswith(("INSERT", "UPDATE", "DELETE")) for statement in statements)
    parts = {part for part in token.split(".") if len(part) > 8}
    for shown in (repr(logs), repr(seen.contexts), repr(figures.counts), repr(seen.last.error)):
        assert CANARY not in shown
        assert not any(part in shown for part in parts)
    assert len(required._known._known) == 0


async def test_what_is_refused_says_why_to_those_who_set_things_up(auth, issuer):
    app = auth.wrap(whoami)
    with structlog.testing.capture_logs() as logs:
        await ask(app, bearer(issuer.token(aud="other")))
    (log,) = [log for log in logs if log["event"] == "credential.refused"]
    assert (log["kind"], log["code"], log["reason"]) == ("jwt", "UNAUTHORIZED", "a token for another audience")


async def test_a_flood_of_unknown_keys_has_the_issuer_asked_once_and_our_table_read_once(auth, attacker, issuer):
    _, token = await newcomer(auth)
    app = auth.wrap(whoami)
    await ask(app, bearer(token))
    await ask(app, bearer(issuer.token()))
    ours = {"iss": "http://app.test", "aud": "http://app.test"}
    with auth.services.engine.recorded() as statements:
        for number in range(50):
            strange = {**attacker.stranger, "kid": f"key {number}"}
            for claims in (attacker.claims, {**attacker.claims, **ours}):
                assert (await ask(app, bearer(signed(claims, strange)))).json()["error"] == "UNAUTHORIZED"
    assert issuer.loads <= 2
    assert len(statements) <= 1


async def test_two_tokens_in_one_request_are_refused_whatever_they_are(auth, issuer):
    _, token = await newcomer(auth)
    app = auth.wrap(whoami)
    for other in (token, issuer.token(), "..", "x"):
        for pair in ((bearer(token), bearer(other)), (bearer(other), ("Authorization", f"Bearer {token}"))):
            answer = await ask(app, *pair)
            assert (answer.status, answer.json()["code"]) == (400, "REPEATED_HEADER")
