"""Nothing that holds a secret shows it, to whoever prints it."""

import pytest

from asgi_auth import AuthConfig, ConfigurationError
from asgi_auth.endpoints.password import ChangePassword, SignIn
from tests.support import ADA, SECRET

CANARY = "canary-5f1c"


@pytest.mark.parametrize(
    "body",
    [SignIn(email="a@example.com", password=CANARY), ChangePassword(new_password=CANARY, current_password=CANARY)],
)
def test_bodies_show_nothing(body):
    assert CANARY not in repr(body)
    assert CANARY not in str(body.__rich_repr__())


async def test_records_show_no_token(make_auth):
    signed_up = await make_auth().services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")
    token = signed_up.session.token
    assert token not in repr(signed_up)
    assert token not in str(signed_up.session.__rich_repr__())


def test_a_database_url_that_cannot_be_read_is_not_quoted():
    with pytest.raises(ConfigurationError) as caught:
        AuthConfig(secret=SECRET, database=f"postgresql://user:pa/{CANARY}@host/db")
    assert CANARY not in str(caught.value)
