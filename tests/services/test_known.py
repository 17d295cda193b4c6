"""What processes of different releases share is read only by those with the same fields."""

from __future__ import annotations

import pytest

from asgi_auth import CacheOptions, Session, User
from asgi_auth.models import SessionWithUser
from asgi_auth.services.known import session_spec, user_spec


class Ranked(User, frozen=True, kw_only=True):
    """A user of the next release: it has a rank, which the last one does not know of."""

    rank: str = "private"


class Placed(Session, frozen=True, kw_only=True):
    """A session of the next release."""

    place: str | None = None


def codecs(session, user):
    options = CacheOptions()
    return session_spec(options, session=session, user=user).codec, user_spec(options, user=user).codec


@pytest.fixture
def pair(clock):
    now = clock()
    user = User(id="u", name="Ada", email="ada@example.com", created_at=now, updated_at=now)
    session = Session(id="s", token="t", user_id="u", expires_at=now, created_at=now, updated_at=now)
    return SessionWithUser(session=session, user=user)


def test_what_was_shared_is_read_whole_by_those_with_the_same_fields(pair):
    sessions, users = codecs(Session, User)
    again_sessions, again_users = codecs(Session, User)
    assert again_sessions.decode(sessions.encode(pair), key="t") == pair
    assert again_users.decode(users.encode(pair.user), key="id:u") == pair.user


def test_a_user_without_a_field_that_is_there_now_is_no_user_with_its_default(pair):
    sessions, users = codecs(Session, User)
    next_sessions, next_users = codecs(Session, Ranked)
    with pytest.raises(ValueError, match="fields"):
        next_users.decode(users.encode(pair.user), key="id:u")
    with pytest.raises(ValueError, match="fields"):
        next_sessions.decode(sessions.encode(pair), key="t")


def test_a_session_without_a_field_that_is_there_now_is_no_session_with_its_default(pair):
    sessions, _ = codecs(Session, User)
    next_sessions, _ = codecs(Placed, User)
    with pytest.raises(ValueError, match="fields"):
        next_sessions.decode(sessions.encode(pair), key="t")
