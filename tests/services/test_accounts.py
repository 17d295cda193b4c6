"""Accounts of other services: linked once, their tokens kept and hidden, unlinked but for the last."""

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import Timestamp
from asgi_auth.config import AccountOptions
from asgi_auth.errors import AccountNotFound, LastAccount, NotFound, SocialAccountAlreadyLinked, Unavailable
from asgi_auth.oauth.tokens import Tokens
from tests.contracts.rows import query, user_row
from tests.support import SECRET

ACCESS, REFRESH, ID = "at-canary-1", "rt-canary-1", "it.canary.1"
TOKENS = Tokens(access_token=ACCESS, refresh_token=REFRESH, id_token=ID, scopes=("openid", "email"))


async def add_user(auth, clock, email="ada@example.com"):
    user = user_row(clock, email)
    await auth.services.users.add(user)
    return user


@pytest.fixture
async def ada(auth, clock):
    return await add_user(auth, clock)


@pytest.fixture
async def bob(auth, clock):
    return await add_user(auth, clock, "bob@example.com")


@pytest.fixture
def accounts(auth):
    return auth.services.accounts


# linking


async def test_a_linked_account_is_found_and_listed(accounts, ada, clock):
    expires_at = clock() + timedelta(hours=1)
    linked = await accounts.link(
        ada.id, "github", "7", Tokens(access_token=ACCESS, access_token_expires_at=expires_at, scopes=("a", "b"))
    )
    assert await accounts.find_linked("github", "7") == linked
    assert await accounts.list_user_accounts(ada.id) == [linked]
    assert (linked.user_id, linked.scope, linked.access_token_expires_at) == (ada.id, "a,b", expires_at)
    assert isinstance(linked.access_token_expires_at, Timestamp)


async def test_nobody_has_an_account_of_another_provider_or_id(accounts, ada):
    await accounts.link(ada.id, "github", "7", TOKENS)
    assert await accounts.find_linked("gitlab", "7") is None
    assert await accounts.find_linked("github", "70") is None


async def test_of_fifty_parallel_attempts_one_row_comes_out_and_all_get_it(accounts, auth, ada):
    linked = await asyncio.gather(*(accounts.link(ada.id, "github", "7", TOKENS) for _ in range(50)))
    assert len({account.id for account in linked}) == 1
    assert await auth.services.engine.accounts.count() == 1


async def test_of_two_users_who_claim_one_account_at_once_one_gets_it(accounts, auth, ada, bob):
    attempts = [accounts.link(user.id, "github", "7", TOKENS) for user in (ada, bob) * 10]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, SocialAccountAlreadyLinked)]
    owners = {outcome.user_id for outcome in outcomes if outcome not in refused}
    assert (len(refused), len(owners)) == (10, 1)
    assert await auth.services.engine.accounts.count() == 1


async def test_an_account_that_somebody_else_has_stays_theirs(accounts, ada, bob):
    linked = await accounts.link(ada.id, "github", "7", TOKENS)
    with pytest.raises(SocialAccountAlreadyLinked):
        await accounts.link(bob.id, "github", "7", Tokens(access_token="stolen"))
    assert await accounts.find_linked("github", "7") == linked


async def test_linking_again_stores_the_new_tokens(accounts, ada):
    await accounts.link(ada.id, "github", "7", TOKENS)
    linked = await accounts.link(ada.id, "github", "7", Tokens(access_token="at-2"))
    assert (linked.access_token, linked.refresh_token) == ("at-2", REFRESH)


async def test_nothing_is_linked_to_a_user_who_is_gone(accounts, auth):
    with pytest.raises(NotFound):
        await accounts.link("nobody", "github", "7", TOKENS)
    assert await auth.services.engine.accounts.count() == 0


async def test_an_account_that_is_there_twice_belongs_to_nobody(accounts, auth, database_url, ada, bob):
    await accounts.link(ada.id, "github", "7", TOKENS)
    second = await accounts.link(bob.id, "github", "8", TOKENS)
    await query(database_url, f"""UPDATE account SET "accountId" = '7' WHERE id = '{second.id}'""")
    with pytest.raises(Unavailable):
        await accounts.find_linked("github", "7")
    with pytest.raises(Unavailable):
        await accounts.link(ada.id, "github", "7", TOKENS)


# tokens


async def test_new_tokens_leave_what_the_provider_did_not_send_again(accounts, ada, clock):
    later = clock() + timedelta(hours=1)
    linked = await accounts.link(
        ada.id,
        "github",
        "7",
        Tokens(
            access_token="at-1", refresh_token="rt-1", id_token="it-1", access_token_expires_at=later, scopes=("a",)
        ),
    )
    clock.advance(minutes=1)
    stored = await accounts.store_tokens(linked, Tokens(access_token="at-2"))
    assert (stored.access_token, stored.refresh_token, stored.id_token, stored.scope) == ("at-2", "rt-1", "it-1", "a")
    assert stored.access_token_expires_at == later
    assert stored.updated_at == clock()


async def test_tokens_of_an_account_that_is_gone_are_not_stored(accounts, auth, ada):
    linked = await accounts.link(ada.id, "github", "7", TOKENS)
    await auth.services.engine.accounts.remove(id=linked.id)
    with pytest.raises(AccountNotFound):
        await accounts.store_tokens(linked, TOKENS)


async def test_a_refresh_only_counts_while_its_refresh_token_is_in_place(accounts, ada):
    linked = await accounts.link(ada.id, "github", "7", TOKENS)
    first = await accounts.replace_tokens(linked, Tokens(access_token="at-2", refresh_token="rt-2"))
    assert first is not None
    assert await accounts.replace_tokens(linked, Tokens(access_token="at-3", refresh_token="rt-3")) is None
    assert await accounts.find_linked("github", "7") == first


# encryption


@pytest.fixture
def sealing(make_auth, database_url):
    """An Auth that encrypts tokens, on the database of the one that does not."""
    return make_auth(database=database_url, accounts=AccountOptions(encrypts_tokens=True))


async def raw_tokens(database_url):
    [row] = await query(database_url, 'SELECT "accessToken", "refreshToken", "idToken" FROM account')
    return row


async def test_with_encryption_no_token_that_lets_anybody_in_lies_in_the_database(sealing, database_url, clock):
    ada = await add_user(sealing, clock)
    accounts = sealing.services.accounts
    linked = await accounts.link(ada.id, "github", "7", TOKENS)
    raw = await raw_tokens(database_url)
    assert [sealing.services.cipher.decrypt(text) for text in raw[:2]] == [ACCESS, REFRESH]
    assert not any("canary" in text for text in raw[:2])
    assert raw[2] == ID  # as Better Auth leaves it, and reads it
    tokens = accounts.tokens_of(linked)
    assert (tokens.access_token, tokens.refresh_token, tokens.id_token) == (ACCESS, REFRESH, ID)
    assert tokens.scopes == ("openid", "email")


async def test_without_encryption_tokens_lie_there_as_better_auth_writes_them(accounts, ada, database_url):
    linked = await accounts.link(ada.id, "github", "7", TOKENS)
    assert await raw_tokens(database_url) == (ACCESS, REFRESH, ID)
    assert accounts.tokens_of(linked).access_token == ACCESS


@pytest.mark.parametrize("token", [ACCESS, "0123456789abcdef" * 4, "$ba", "zz", "ya29.a0-ÄÖ"])
async def test_tokens_from_before_encryption_was_switched_on_are_read(accounts, sealing, ada, token):
    linked = await accounts.link(ada.id, "github", "7", Tokens(access_token=token))
    assert sealing.services.accounts.tokens_of(linked).access_token == token


async def test_what_no_secret_opens_is_no_token(make_auth, sealing, database_url, clock):
    ada = await add_user(sealing, clock)
    linked = await sealing.services.accounts.link(ada.id, "github", "7", TOKENS)
    other = make_auth(database=database_url, secret=SECRET[::-1], accounts=AccountOptions(encrypts_tokens=True))
    tokens = other.services.accounts.tokens_of(linked)
    assert (tokens.access_token, tokens.refresh_token) == (None, None)


async def test_no_repr_shows_a_token(accounts, ada):
    linked = await accounts.link(ada.id, "github", "7", TOKENS)
    for shown in (repr(linked), repr(accounts.tokens_of(linked)), repr(accounts)):
        assert "canary" not in shown


# unlinking


async def test_an_account_is_unlinked(accounts, ada):
    first = await accounts.link(ada.id, "github", "7", TOKENS)
    second = await accounts.link(ada.id, "gitlab", "7", TOKENS)
    await accounts.unlink(ada.id, first.id)
    assert await accounts.list_user_accounts(ada.id) == [second]


async def test_the_last_account_stays(accounts, ada):
    only = await accounts.link(ada.id, "github", "7", TOKENS)
    with pytest.raises(LastAccount):
        await accounts.unlink(ada.id, only.id)
    assert await accounts.list_user_accounts(ada.id) == [only]


async def test_nobody_unlinks_what_belongs_to_others(accounts, ada, bob):
    for provider in ("github", "gitlab"):
        await accounts.link(ada.id, provider, "7", TOKENS)
    theirs = await accounts.link(bob.id, "github", "8", TOKENS)
    await accounts.link(bob.id, "gitlab", "8", TOKENS)
    with pytest.raises(AccountNotFound):
        await accounts.unlink(ada.id, theirs.id)
    assert len(await accounts.list_user_accounts(bob.id)) == 2


async def unlink_both(auth, user):
    accounts = auth.services.accounts
    rows = [await accounts.link(user.id, provider, "7", TOKENS) for provider in ("github", "gitlab")]
    return await asyncio.gather(*(accounts.unlink(user.id, row.id) for row in rows), return_exceptions=True)


async def test_of_two_accounts_unlinked_at_once_one_stays(auth, ada):
    outcomes = await unlink_both(auth, ada)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [LastAccount]
    assert len(await auth.services.accounts.list_user_accounts(ada.id)) == 1


async def test_where_the_last_may_go_both_go(make_auth, database_url, clock):
    auth = make_auth(database=database_url, accounts=AccountOptions(unlinks_last=True))
    ada = await add_user(auth, clock)
    assert await unlink_both(auth, ada) == [None, None]
    assert await auth.services.accounts.list_user_accounts(ada.id) == []
