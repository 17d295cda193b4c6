"""Nothing that holds a secret shows it, to whoever prints it."""

import pytest

from asgi_auth import AuthConfig, ConfigurationError
from asgi_auth.endpoints.account import AccessTokenAnswer, RefreshedTokens
from asgi_auth.endpoints.password import ChangePassword, SignIn
from asgi_auth.endpoints.password_reset import ResetPassword, ResetToken
from asgi_auth.endpoints.responses import Answer
from asgi_auth.oauth.client import AuthorizationRequest
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers import GitHub
from asgi_auth.services.password_sign_up import Applicant
from asgi_auth.services.social_trip import Departure, OfferedIdToken, ProviderAnswer
from tests.support import ADA, SECRET

CANARY = "canary-5f1c"


@pytest.mark.parametrize(
    "body",
    [
        SignIn(email="a@example.com", password=CANARY),
        ChangePassword(new_password=CANARY, current_password=CANARY),
        ResetPassword(new_password=CANARY, token=CANARY),
        ResetToken(token=CANARY),
    ],
)
def test_bodies_show_nothing(body):
    assert CANARY not in repr(body)
    assert CANARY not in str(body.__rich_repr__())


@pytest.mark.parametrize(
    "answer",
    [
        AccessTokenAnswer(access_token=CANARY, scopes=[], id_token=CANARY),
        RefreshedTokens(
            access_token=CANARY,
            refresh_token=CANARY,
            refresh_token_expires_at=None,
            scope=None,
            id_token=CANARY,
            provider_id="p",
            account_id="a",
        ),
    ],
)
def test_answers_show_nothing(answer):
    assert CANARY not in repr(Answer(body=answer))
    assert CANARY not in str(answer.__rich_repr__())


@pytest.mark.parametrize(
    "thing",
    [
        AuthorizationRequest(state=CANARY, redirect_uri="/back", code_verifier=CANARY, nonce=CANARY),
        Departure(url=f"https://idp.test/?state={CANARY}", state=CANARY),
        ProviderAnswer(provider_id="p", base_url="/", code=CANARY),
        Tokens(access_token=CANARY, refresh_token=CANARY, id_token=CANARY, answer={"access_token": CANARY}),
        OfferedIdToken(provider_id="p", tokens=Tokens(id_token=CANARY), nonce=CANARY),
        GitHub(client_id="c", client_secret=CANARY),
    ],
)
def test_a_trip_to_a_provider_shows_no_secret(thing):
    assert CANARY not in repr(thing)


async def test_records_show_no_token(make_auth):
    signed_up = await make_auth().services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")
    token = signed_up.session.token
    assert token not in repr(signed_up)
    assert token not in str(signed_up.session.__rich_repr__())


def test_a_database_url_that_cannot_be_read_is_not_quoted():
    with pytest.raises(ConfigurationError) as caught:
        AuthConfig(secret=SECRET, database=f"postgresql://user:pa/{CANARY}@host/db")
    assert CANARY not in str(caught.value)


def test_whoever_signs_up_is_shown_without_the_password():
    applicant = Applicant(email="ada@example.com", password=CANARY, name="Ada", metadata={"password": CANARY})
    assert CANARY not in repr(applicant)
