"""Every refusal has a status, a code and a sentence; the tree in the docstring is the tree there is."""

from __future__ import annotations

import inspect
import re

import pytest

from asgi_auth import errors
from asgi_auth.endpoints import errors as endpoint_errors
from asgi_auth.errors import AuthError, ConfigurationError, NoFieldsToUpdate, RepeatedHeader, Unavailable

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
REFUSALS = [
    kind
    for module in (errors, endpoint_errors)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if kind.__module__.startswith(module.__name__) and issubclass(kind, AuthError)
]
BRANCH = re.compile(r"^[ │├└─]*([A-Z]\w+) +(?:(\d{3})  )?(.*)$")


def drawn():
    """The tree of the docstring: ``{class: (its base, its status)}``."""
    tree: dict[str, tuple[str, int | None]] = {}
    branch, status = "", 0
    for line in errors.__doc__.split("\n\n")[1].splitlines():
        found = BRANCH.match(line) if not line.startswith(("    │       ", "          ")) else None
        rest = line
        if found:
            branch, status = found[1], int(found[2] or 0)
            tree[branch] = ("AuthError" if branch != "AuthError" else "Exception", status or None)
            rest = found[3] if found[2] else ""
        listed = rest.split(":")[0]
        for name, own in re.findall(r"\b([A-Z]\w*[a-z]\w+)(?: \((\d{3})\))?", listed):
            tree[name] = (branch, int(own or status))
    tree["ConfigurationError"] = ("ValueError", None)
    return tree


def test_the_tree_drawn_names_every_class_and_no_other():
    assert sorted(drawn()) == sorted(kind.__name__ for kind in CLASSES)


def test_the_tree_drawn_is_the_tree_there_is():
    for kind in CLASSES:
        base, status = drawn()[kind.__name__]
        assert kind.__base__.__name__ == base, kind
        if status is not None:
            assert kind.status == status, kind


@pytest.mark.parametrize("kind", REFUSALS)
def test_every_refusal_has_a_status_a_code_and_a_sentence(kind):
    wanted = inspect.signature(kind).parameters.values()
    texts = [each.name for each in wanted if is_needed(each, each.POSITIONAL_OR_KEYWORD)]
    error = kind(*texts, **{each.name: 1 for each in wanted if is_needed(each, each.KEYWORD_ONLY)})
    assert 400 <= error.status < 600
    assert error.message
    assert str(error) == error.message
    assert error.body["message"] == error.message
    assert error.body.get("code") == error.code
    assert list(error.body) == (["message"] if error.code is None else ["message", "code"])
    assert error.code is None or re.fullmatch(r"[a-z]+|[A-Z][A-Z_]+", error.code)
    assert kind.__doc__


def is_needed(parameter, kind):
    return parameter.default is inspect.Parameter.empty and parameter.kind is kind


# Better Auth answers with another status in each of the flows that know these.
SEVERAL_STATUSES = {
    "INVALID_TOKEN": {400, 401, 404},
    "USER_NOT_FOUND": {400, 401},
    "FAILED_TO_GET_USER_INFO": {401, 404},
}


def test_one_condition_has_one_code():
    codes = {}
    for kind in REFUSALS:
        codes.setdefault(kind.code, set()).add(kind.status)
    several = {code: statuses for code, statuses in codes.items() if len(statuses) > 1}
    del several[None]
    assert several == SEVERAL_STATUSES


# sentences of the wire contract
@pytest.mark.parametrize(
    ("kind", "status", "code", "message"),
    [
        ("InvalidEmail", 400, "INVALID_EMAIL", "Invalid email"),
        ("PasswordTooShort", 400, "PASSWORD_TOO_SHORT", "Password too short"),
        ("PasswordTooLong", 400, "PASSWORD_TOO_LONG", "Password too long"),
        ("InvalidPassword", 400, "INVALID_PASSWORD", "Invalid password"),
        ("CredentialAccountNotFound", 400, "CREDENTIAL_ACCOUNT_NOT_FOUND", "Credential account not found"),
        ("EmailCannotBeUpdated", 400, "EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated"),
        ("InvalidJson", 400, "BAD_REQUEST", "Invalid JSON in request body"),
        ("NotAuthenticated", 401, "UNAUTHORIZED", "Unauthorized"),
        ("InvalidCredentials", 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"),
        ("InvalidOrigin", 403, "INVALID_ORIGIN", "Invalid origin"),
        ("MissingOrigin", 403, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin"),
        ("EmailNotVerified", 403, "EMAIL_NOT_VERIFIED", "Email not verified"),
        ("SessionNotFresh", 403, "SESSION_NOT_FRESH", "Session is not fresh"),
        (
            "EmailTaken",
            422,
            "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
            "User already exists. Use another email.",
        ),
        ("UserNotCreated", 422, "FAILED_TO_CREATE_USER", "Failed to create user"),
    ],
)
def test_clients_of_better_auth_know_the_words(kind, status, code, message):
    error = next(known for known in REFUSALS if known.__name__ == kind)()
    assert (error.status, error.body) == (status, {"message": message, "code": code})


def test_some_refusals_have_words_of_their_own():
    assert NoFieldsToUpdate().body == {"message": "No fields to update"}
    assert RepeatedHeader("authorization").message.endswith("authorization")
    assert AuthError("Because.").body == {"message": "Because.", "code": "BAD_REQUEST"}
    assert AuthError().message == "Bad request"


def test_a_fault_says_when_to_come_back():
    assert Unavailable().retry_after == 1
    assert Unavailable(retry_after=30).retry_after == 30


def test_a_wrong_configuration_is_no_answer_for_a_client():
    assert not issubclass(ConfigurationError, AuthError)
    assert issubclass(ConfigurationError, ValueError)
