"""The explicit credential decides, in whatever order the credentials were judged."""

from __future__ import annotations

import dataclasses
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth import ANONYMOUS, AuthContext, NotAuthenticated, Proof, Session, Unavailable, User, auth_context
from asgi_auth.clock import utc_now
from asgi_auth.context import RANK, Standing
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
def test_what_was_offered_has_been_judged_whatever_decided(outcomes, kind):
    context = judged(outcomes, outcomes)
    assert context.has_judged(kind) is (kind in outcomes)
    assert context.refused == outcomes.keys() - context.credentials.keys()


@pytest.mark.parametrize("others", [(), ("session",), ("api_key",), ("session", "api_key")])
def test_what_other_rules_refuse_counts_for_nothing_that_some_have_accepted(others):
    context = judged(dict.fromkeys((*others, "jwt"), "accepted"), (*others, "jwt"))
    refused = context.with_refusal("jwt", ERRORS["refused"])
    assert set(refused.credentials) == set(others)
    if "api_key" in others:
        assert (refused.credential, refused.error) == ("api_key", None)
        return
    assert (refused.credential, refused.error) == ("jwt", ERRORS["refused"])
    assert (refused.subject, refused.user, refused.session, refused.scopes) == (None, None, None, frozenset())
    assert refused.has_judged("jwt")
    assert refused.has_judged("jwt", by="other rules")


def test_what_is_accepted_again_is_what_was_said_last():
    first = dataclasses.replace(proof_of("jwt"), judged_by="loose")
    again = dataclasses.replace(first, scopes=frozenset({"less"}), judged_by="strict")
    context = ANONYMOUS.with_proof("jwt", first)
    assert context.has_judged("jwt", by="loose")
    assert not context.has_judged("jwt", by="strict")
    assert not context.has_judged("jwt")
    context = context.with_proof("jwt", again)
    assert (context.scopes, context.credentials["jwt"]) == (frozenset({"less"}), again)
    assert context.has_judged("jwt", by="strict")


# how long it holds


class LiveCell:
    """A cell of no cache."""

    def __init__(self, until):
        self.until = until
        self.is_live = True
        self.was_used = False


@pytest.mark.parametrize(("first_told", "second_told"), [(True, True), (True, False), (False, True), (False, False)])
def test_what_rests_on_two_holds_while_both_do(first_told, second_told):
    one, other = LiveCell(20.0), LiveCell(30.0)
    standing = Standing(one, 10.0, is_told=first_told).joined(Standing(other, 5.0, is_told=second_told))
    assert (standing.until, standing.cell.until) == (5.0, 20.0)
    assert standing.is_told is (first_told or second_told)
    assert standing.cell.is_live
    standing.cell.was_used = True
    assert (one.was_used, other.was_used, standing.cell.was_used) == (True, True, True)
    for cell in (one, other):
        cell.is_live = False
        assert not standing.cell.is_live
        cell.is_live = True


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
