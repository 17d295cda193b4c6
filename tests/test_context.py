"""The explicit credential decides, in whatever order the credentials were judged."""

from __future__ import annotations

import dataclasses
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth import ANONYMOUS, AuthContext, NotAuthenticated, Proof, Session, Unavailable, User, auth_context
from asgi_auth.clock import utc_now
from asgi_auth.context import RANK
from asgi_auth.errors import InvalidToken

KINDS = ("session", "bearer", "jwt", "api_key")  # from the lowest to the highest rank
NOW = utc_now()
USER = User(name="Ada", email="ada@example.com", created_at=NOW, updated_at=NOW, id="1")
SESSION = Session(expires_at=NOW, token="t", created_at=NOW, updated_at=NOW, user_id="1", id="2")

OUTCOMES = st.dictionaries(st.sampled_from(KINDS), st.sampled_from(["accepted", "refused", "fault"]))


def proof_of(kind):
    rests_on_session = kind in {"session", "bearer"}
    return Proof(
        subject=f"subject of {kind}",
        user=USER,
        session=SESSION if rests_on_session else None,
        scopes=frozenset({kind}),
    )


ERRORS = {"refused": InvalidToken(), "fault": Unavailable()}


def judged(outcomes, order):
    context = ANONYMOUS
    for kind in order:
        if outcomes[kind] == "accepted":
            context = context.with_proof(kind, proof_of(kind))
        else:
            context = context.with_refusal(kind, ERRORS[outcomes[kind]])
    return context


@given(OUTCOMES, st.randoms())
def test_the_highest_ranked_credential_offered_decides(outcomes, random):
    order = sorted(outcomes)
    random.shuffle(order)
    context = judged(outcomes, order)
    decider = max(outcomes, key=KINDS.index, default=None)
    assert context.credential == decider
    assert set(context.credentials) == {kind for kind, outcome in outcomes.items() if outcome == "accepted"}
    if decider is None:
        assert context == ANONYMOUS
    elif outcomes[decider] == "accepted":
        proof = proof_of(decider)
        assert context.is_authenticated
        assert (context.subject, context.user, context.session) == (proof.subject, proof.user, proof.session)
        assert (context.scopes, context.error) == (proof.scopes, None)
    else:
        assert not context.is_authenticated
        assert (context.subject, context.user, context.session) == (None, None, None)
        assert (context.scopes, context.error) == (frozenset(), ERRORS[outcomes[decider]])


@given(OUTCOMES)
def test_the_order_of_judging_makes_no_difference(outcomes):
    contexts = [judged(outcomes, order) for order in permutations(outcomes)]
    assert all(context == contexts[0] for context in contexts)


@given(OUTCOMES, st.sampled_from(KINDS))
def test_what_decided_or_was_verified_has_been_judged(outcomes, kind):
    context = judged(outcomes, outcomes)
    expected = outcomes.get(kind) == "accepted" or context.credential == kind
    assert context.has_judged(kind) is expected


def test_every_kind_has_a_rank_of_its_own():
    assert sorted(RANK, key=RANK.__getitem__) == list(KINDS)
    assert len(set(RANK.values())) == len(KINDS)


def test_judging_leaves_the_context_before_as_it_was():
    context = ANONYMOUS.with_proof("session", proof_of("session"))
    context.with_refusal("api_key", InvalidToken())
    context.with_part(1)
    assert context == ANONYMOUS.with_proof("session", proof_of("session"))
    assert AuthContext() == ANONYMOUS
    with pytest.raises(dataclasses.FrozenInstanceError):
        context.subject = "somebody else"


# session and user


def test_the_session_and_its_user_come_together():
    context = ANONYMOUS.with_proof("session", proof_of("session"))
    assert context.session_user == (SESSION, USER)


@pytest.mark.parametrize(
    ("context", "error"),
    [
        (ANONYMOUS, NotAuthenticated),
        (ANONYMOUS.with_proof("api_key", proof_of("api_key")), NotAuthenticated),
        (ANONYMOUS.with_refusal("bearer", InvalidToken()), InvalidToken),
        (ANONYMOUS.with_refusal("bearer", Unavailable()), Unavailable),
    ],
)
def test_without_a_session_asking_for_it_is_refused(context, error):
    with pytest.raises(error):
        _ = context.session_user


# parts of features


@dataclasses.dataclass(frozen=True)
class Access:
    """What a feature knows of a request."""

    role: str


def test_a_feature_finds_its_own_part():
    context = ANONYMOUS.with_part(Access("owner"))
    assert context.part(Access) == Access("owner")
    assert context.part(int) is None
    assert ANONYMOUS.part(Access) is None
    assert context.with_part(Access("member")).part(Access) == Access("member")


def test_parts_stay_when_credentials_are_judged():
    context = ANONYMOUS.with_part(Access("owner")).with_proof("session", proof_of("session"))
    assert context.with_refusal("bearer", InvalidToken()).part(Access) == Access("owner")


# the scope


@pytest.mark.parametrize("scope", [{}, {"auth": None}, {"auth": "admin"}, {"auth": {"subject": "1"}}])
def test_a_scope_without_our_context_is_anonymous(scope):
    assert auth_context(scope) is ANONYMOUS


def test_a_scope_gives_its_context():
    context = ANONYMOUS.with_proof("session", proof_of("session"))
    assert auth_context({"auth": context}) is context


def test_no_secret_shows_in_a_context():
    proof = Proof(subject="1", user=USER, session=SESSION, set_cookies=(b"name=secret-cookie",))
    session = Session(expires_at=NOW, token="secret-token", created_at=NOW, updated_at=NOW, user_id="1", id="2")
    shown = repr(ANONYMOUS.with_proof("session", dataclasses.replace(proof, session=session)))
    assert "secret" not in shown
