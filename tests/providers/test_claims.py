"""What a provider says is read strictly: the documented type, nothing, or a refusal; never a crash."""

import pytest

from asgi_auth.providers.claims import read_flag, read_id, read_link, read_list, read_part, read_text

ODD = [0, 1.5, True, [], ["a"], {}, {"a": "b"}]


@pytest.mark.parametrize(("value", "expected"), [("abc", "abc"), (42, "42"), (0, "0")])
def test_an_id_is_a_text_or_a_whole_number(value, expected):
    assert read_id({"id": value}, "id") == expected


@pytest.mark.parametrize("claims", [{}, *({"id": value} for value in (None, "", True, 1.5, [1], {"id": 1}))])
def test_anything_else_is_no_id(claims):
    with pytest.raises(ValueError, match="id"):
        read_id(claims, "id")


@pytest.mark.parametrize("claims", [{}, {"name": None}, {"name": ""}])
def test_a_text_may_be_missing(claims):
    assert read_text(claims, "name") is None


@pytest.mark.parametrize("value", [*ODD, "NUL \0", "half \ud83d"])
def test_what_is_no_text_or_cannot_be_stored_is_refused(value):
    with pytest.raises(ValueError, match="name is no text"):
        read_text({"name": value}, "name")


@pytest.mark.parametrize("value", [True, "true"])
def test_yes_is_true_or_the_word(value):
    assert read_flag({"verified": value}, "verified")


@pytest.mark.parametrize("value", [None, False, "false", "True", "yes", 1, [True], {"true": True}])
def test_nothing_else_is_yes(value):
    assert not read_flag({"verified": value}, "verified")


@pytest.mark.parametrize("value", ["javascript:alert(1)", "data:image/png;base64,AA", "//evil.test/a", "a.png"])
def test_a_picture_that_is_no_web_address_is_left_out(value):
    assert read_link({"picture": value}, "picture") is None


def test_parts_and_lists_may_be_missing_but_not_something_else():
    assert read_part({"a": None}, "a") == {}
    assert read_list({"a": None}, "a") == []
    with pytest.raises(ValueError, match="a is no object"):
        read_part({"a": []}, "a")
    with pytest.raises(ValueError, match="a is no list"):
        read_list({"a": {}}, "a")
