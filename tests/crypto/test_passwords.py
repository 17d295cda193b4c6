import hashlib
import re
import unicodedata

import argon2
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import django_bcrypt_sha256, pbkdf2_sha256, pbkdf2_sha512, scrypt

from asgi_auth.crypto.password_schemes import better_auth_scrypt
from asgi_auth.crypto.passwords import PasswordContext, password_context
from asgi_auth.crypto.stored_hashes import scheme_of

cheap = password_context(cost=2)

ARGON2 = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=2)
BCRYPT = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()

# made with Django 5.2 from "correct horse", the costs lowered
DJANGO = {
    "django_pbkdf2_sha256": "pbkdf2_sha256$1000$saltSALT0123456789abcd$Dml/mnKY3WxlCU4e6yTHWLCBLln6ZbFUkh8QFLGDA34=",
    "django_pbkdf2_sha1": "pbkdf2_sha1$1000$saltSALT0123456789abcd$ihpEXA6HezOOPu4bM1PEgR28syc=",
    "django_bcrypt_sha256": "bcrypt_sha256$$2b$04$3BH0XSRj3F8wHonA3I/2selalC7nS61I0Q7zP4FH9HX/AnigfJzAW",
    "django_bcrypt": "bcrypt$$2b$04$qNnOyu.ofqZphmXgg.gkoen7gVA6TQfOya6bLmzaogU6qk9fnqGrq",
    "django_argon2": (
        "argon2$argon2id$v=19$m=64,t=1,p=2$WU12WTVsRjZiZnpHYmxBNGlJNUlkMw$Ad5xAulNjBZ/V0dM2zjLorOoICH/VpMQhi4QgREWQr0"
    ),
    "django_scrypt": (
        "scrypt$16$saltSALT0123456789abcd$8$1"
        "$An2CtmSH5KVG5h2qaXcW8+rAiDZ8Vas1Od33GmRopxoX1FtLcm7y/NZu9x7DfO00wQavVlu3FOdVoViFBtukBg=="
    ),
}
OUTDATED = {
    "argon2": ARGON2.hash("correct horse"),
    "bcrypt": BCRYPT,
    "pbkdf2_sha256": pbkdf2_sha256.using(rounds=10).hash("correct horse"),
    "pbkdf2_sha512": pbkdf2_sha512.using(rounds=10).hash("correct horse"),
    "scrypt": scrypt.using(rounds=4).hash("correct horse"),
    **DJANGO,
}
OWN = cheap.hash("correct horse")
BARE = f"{'0' * 32}:{'0' * 128}"

GARBAGE = [
    None,
    "",
    ":",
    "zz:zz",
    "x" * 1_000_000,
    ":" * 1_000_000,
    "$" * 1_000,
    "\0",
    "\ud800",
    "é:é",
    "unknown$scheme$of$hash",
    "!unusable",
    "correct horse",
    BARE[:-1],
    BARE.replace(":", ""),
    BARE + "\n",
    "ln=0:" + BARE,
    "ln=-1:" + BARE,
    "$2b$04$",
    "$2b$04$" + "!" * 53,
    BCRYPT[:-1],
    BCRYPT.replace("$2b$", "$2x$"),
    BCRYPT[:-1] + "1",
    "$argon2id$",
    "$argon2id$v=19$m=64,t=1,p=2$$",
    "$argon2id$v=99$m=64,t=1,p=2$WU12WTVsRjZiZnpHYmxBNGlJNUlkMw$Ad5xAulNjBZ/V0dM2zjLorOoICH/VpMQhi4QgREWQr0",
    "$argon2id$v=19$m=1,t=1,p=2$WU12WTVsRjZiZnpHYmxBNGlJNUlkMw$Ad5xAulNjBZ/V0dM2zjLorOoICH/VpMQhi4QgREWQr0",
    "$argon2id$v=19$m=64,t=1,p=2$WU12WTVsRjZiZ$Ad5xAulNjBZ/V0dM2zjLorOoICH/VpMQhi4QgREWQr0",
    "$scrypt$ln=4,r=8,p=1$",
    "$scrypt$ln=4,r=8,p=1$AAAAA$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    "$pbkdf2-sha256$1000$AAAAA$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD.iCs5E",
    "$pbkdf2-sha256$$$",
    "scrypt$17$salt$8$1$" + "A" * 86 + "==",
]

RUINOUS = [
    "ln=40:" + BARE,
    "ln=99:" + BARE,
    f"scrypt${2**40}$salt$8$1${'A' * 86}==",
    f"scrypt$16$salt${2**30}$1${'A' * 86}==",
    f"scrypt$16$salt$8${2**30}${'A' * 86}==",
    "$scrypt$ln=40,r=8,p=1$c2FsdA$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    "$scrypt$ln=14,r=8,p=1000000$c2FsdA$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    OUTDATED["argon2"].replace("m=64", f"m={64 << 20}"),
    OUTDATED["argon2"].replace("m=64", "m=9999999999999999999999"),
    OUTDATED["argon2"].replace("t=1", "t=1000000000"),
    OUTDATED["argon2"].replace("p=2", "p=16777215"),
    DJANGO["django_argon2"].replace("m=64", f"m={64 << 20}"),
    BCRYPT.replace("$04$", "$31$"),
    BCRYPT.replace("$04$", "$16$"),
    DJANGO["django_bcrypt_sha256"].replace("$04$", "$31$"),
    OUTDATED["pbkdf2_sha256"].replace("$10$", "$1000000000$"),
    OUTDATED["pbkdf2_sha512"].replace("$10$", "$1000000000$"),
    DJANGO["django_pbkdf2_sha256"].replace("$1000$", "$1000000000$"),
    DJANGO["django_pbkdf2_sha1"].replace("$1000$", "$1000000000$"),
]


# new hashes


def test_a_new_hash_is_in_better_auths_format():
    assert re.fullmatch(r"[0-9a-f]{32}:[0-9a-f]{128}", password_context().hash("correct horse"))


def test_a_new_hash_is_scrypt_over_the_normalized_password_and_the_text_of_the_salt():
    salt, key = password_context().hash("ﬁancé").split(":")
    normalized = unicodedata.normalize("NFKC", "ﬁancé").encode()
    assert hashlib.scrypt(normalized, salt=salt.encode(), n=16384, r=16, p=1, maxmem=2**27, dklen=64).hex() == key


def test_no_two_hashes_of_a_password_are_the_same():
    assert len({cheap.hash("correct horse") for _ in range(50)}) == 50


def test_a_hash_verifies_its_password_and_no_other():
    assert cheap.verify("correct horse", OWN)
    for other in ("correct horse ", "Correct horse", "", "correct"):
        assert not cheap.verify(other, OWN)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
def test_any_password_can_be_hashed(password):
    assert cheap.verify_and_update(password, cheap.hash(password)) == (True, None)


def test_the_handler_is_one_that_passlib_knows_to_use():
    handler = better_auth_scrypt.using(rounds=1, salt="0" * 32)
    stored = handler.hash("correct horse")
    assert stored.startswith(f"ln=1:{'0' * 32}:")
    assert handler.identify(stored)
    assert not handler.identify("$2b$04$")
    assert handler.verify(b"correct horse", stored)
    assert handler.from_string(stored).to_string() == stored
    assert handler.needs_update(handler.using(rounds=2).hash("x"))


@pytest.mark.parametrize("password", ["x" * 4097, "\ud800 correct horse"])
def test_a_password_that_cannot_be_hashed_is_refused_without_being_told(password):
    with pytest.raises(ValueError, match=r"password|secret") as refusal:
        cheap.hash(password)
    assert "correct horse" not in str(refusal.value)


# cost


def test_a_hash_of_another_cost_than_better_auths_says_so():
    assert password_context(cost=16).hash("correct horse").startswith("ln=4:")


def test_hashes_of_every_cost_verify_and_those_of_another_are_replaced():
    stored = password_context(cost=4).hash("correct horse")
    is_valid, replacement = password_context(cost=8).verify_and_update("correct horse", stored)
    assert is_valid
    assert replacement is not None
    assert replacement.startswith("ln=3:")
    assert password_context(cost=8).verify_and_update("correct horse", replacement) == (True, None)


def test_a_better_auth_hash_verifies_whatever_the_cost_of_new_ones():
    stored = password_context().hash("correct horse")
    assert cheap.verify("correct horse", stored)
    assert not cheap.verify("wrong", stored)


@pytest.mark.parametrize("cost", [-2, 0, 1, 3, 16383, 131072, 2**40])
def test_a_cost_that_is_no_power_of_two_within_bounds_is_refused(cost):
    with pytest.raises(ValueError, match="power of two"):
        password_context(cost=cost)


# hashes of other systems


@pytest.mark.parametrize("scheme", OUTDATED)
def test_a_hash_of_another_system_verifies_and_is_replaced(scheme):
    stored = OUTDATED[scheme]
    assert scheme_of(stored) == scheme
    is_valid, replacement = cheap.verify_and_update("correct horse", stored)
    assert is_valid
    assert cheap.verify_and_update("correct horse", replacement) == (True, None)


@pytest.mark.parametrize("scheme", OUTDATED)
def test_a_wrong_password_replaces_nothing(scheme):
    assert cheap.verify_and_update("wrong", OUTDATED[scheme]) == (False, None)


@pytest.mark.parametrize("kind", [argon2.Type.ID, argon2.Type.I, argon2.Type.D])
def test_every_type_of_argon2_verifies(kind):
    stored = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=kind).hash("correct horse")
    assert cheap.verify("correct horse", stored)
    assert cheap.verify("correct horse", "argon2" + stored)


@pytest.mark.parametrize("variant", ["2a", "2b", "2y"])
def test_every_variant_of_bcrypt_in_use_verifies(variant):
    assert cheap.verify("correct horse", BCRYPT.replace("2b", variant, 1))


def test_a_password_is_not_normalized_for_a_hash_of_another_system():
    assert cheap.verify("ﬁancé", ARGON2.hash("ﬁancé"))
    assert not cheap.verify("ﬁancé", ARGON2.hash("fiancé"))


@pytest.mark.parametrize("prefix", ["", "bcrypt$"])
def test_bcrypt_does_not_match_a_password_that_only_begins_like_the_right_one(prefix):
    stored = prefix + bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4)).decode()
    assert cheap.verify("a" * 72, stored)
    assert not cheap.verify("a" * 73, stored)
    assert not cheap.verify("a" * 72 + "b", stored)
    assert not cheap.verify("a" * 71 + "é", stored)


def test_bcrypt_does_not_match_a_password_with_nul():
    assert not cheap.verify("correct horse\0anything", BCRYPT)
    assert not cheap.verify("\0", bcrypt.hashpw(b"", bcrypt.gensalt(4)).decode())


def test_djangos_prehashed_bcrypt_takes_passwords_of_any_length():
    stored = django_bcrypt_sha256.using(rounds=4).hash("a" * 100)
    assert cheap.verify("a" * 100, stored)
    assert not cheap.verify("a" * 101, stored)


# hashes that someone may have tampered with


@pytest.mark.parametrize("stored", GARBAGE, ids=lambda stored: repr(stored)[:40])
def test_garbage_verifies_nothing_and_raises_nothing(stored):
    assert cheap.verify("correct horse", stored) is False
    assert cheap.verify_and_update("correct horse", stored) == (False, None)


@pytest.mark.parametrize("stored", [b"", OWN.encode(), 5, [], object()])
def test_what_is_no_text_at_all_verifies_nothing(stored):
    assert cheap.verify("correct horse", stored) is False


@pytest.mark.parametrize("stored", RUINOUS, ids=lambda stored: stored[:40])
def test_a_hash_too_costly_to_verify_is_refused_without_doing_the_work(stored):
    assert scheme_of(stored) is None
    assert cheap.verify("correct horse", stored) is False


@pytest.mark.parametrize(
    ("stored", "scheme"),
    [
        (f"scrypt$16384$salt$8$5${'A' * 86}==", "django_scrypt"),
        ("$scrypt$ln=17,r=8,p=1$c2FsdA$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "scrypt"),
        (OUTDATED["argon2"].replace("m=64,t=1,p=2", "m=65536,t=3,p=4"), "argon2"),
        (OUTDATED["argon2"].replace("m=64,t=1,p=2", "m=262144,t=3,p=1"), "argon2"),
        (DJANGO["django_argon2"].replace("m=64,t=1,p=2", "m=102400,t=2,p=8"), "django_argon2"),
        (BCRYPT.replace("$04$", "$14$"), "bcrypt"),
        (DJANGO["django_pbkdf2_sha256"].replace("$1000$", "$1500000$"), "django_pbkdf2_sha256"),
        (BARE, "better_auth_scrypt"),
        ("ln=16:" + BARE, "better_auth_scrypt"),
    ],
)
def test_the_costs_that_other_systems_recommend_are_within_the_bounds(stored, scheme):
    assert scheme_of(stored) == scheme


@given(st.sampled_from([OWN, *OUTDATED.values()]), st.data())
def test_no_mutation_of_a_hash_raises(stored, data):
    place = data.draw(st.integers(0, len(stored)))
    length = data.draw(st.integers(0, 5))
    inserted = data.draw(st.text("$:,=/.+A\0é", max_size=3))  # no digit: a higher cost would only take longer
    mutated = stored[:place] + inserted + stored[place + length :]
    assert cheap.verify("wrong", mutated) is False


@pytest.mark.parametrize("password", ["x" * 4097, "x" * 1_000_000, "\ud800"])
@pytest.mark.parametrize("stored", [OWN, *OUTDATED.values(), None], ids=lambda stored: str(stored)[:12])
def test_a_password_that_no_hash_could_be_of_verifies_nothing(password, stored):
    assert cheap.verify(password, stored) is False


def test_the_stand_in_for_an_unknown_account_has_the_cost_of_a_new_hash():
    context = PasswordContext(cost=32)
    assert context.dummy_verify() is False
    assert context.handler().from_string(context._stand_in).rounds == 5
    assert scheme_of(context._stand_in) == "better_auth_scrypt"
