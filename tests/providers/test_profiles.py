"""Every provider's documented answer describes a person, and whatever is not documented describes nobody."""

from dataclasses import replace

import pytest

from asgi_auth import providers
from asgi_auth.providers import Facebook, GitLab, Provider
from tests.servers.provider_shapes import CLIENT, SHAPES, shape_of

REFUSALS = (KeyError, TypeError, ValueError)
ODD = [None, True, 7, 1.5, "", "text", [], ["text"], [7], {}, {"a": "b"}, {"data": 7}, [[]], "NUL \0", "half \ud83d"]

each = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.provider.id)


def read(shape, **changed):
    return shape.provider.profile({**shape.person, **shape.more, **changed})


def changed_everywhere(claims, value):
    """These claims with one changed or left out, on every level, each in its turn."""
    for name, held in claims.items():
        yield {**claims, name: value}
        yield {other: claims[other] for other in claims if other != name}
        if isinstance(held, dict):
            yield from ({**claims, name: inner} for inner in changed_everywhere(held, value))
        if isinstance(held, list):
            yield {**claims, name: [value]}
            yield from ({**claims, name: [inner]} for inner in changed_everywhere(held[-1], value))


def test_every_provider_has_its_shape_here():
    declared = {name for name in providers.__all__ if issubclass(getattr(providers, name), Provider)}
    assert declared - {"Provider", "GenericOAuth"} == {type(shape.provider).__name__ for shape in SHAPES}


@each
def test_the_documented_answer_describes_the_person(shape):
    profile = read(shape)
    assert (profile.id, profile.email, profile.is_email_verified, profile.name, profile.image) == shape.expected
    assert profile.claims == {**shape.person, **shape.more}


@each
def test_nothing_secret_shows(shape):
    shown = repr(shape.provider)
    assert CLIENT["client_secret"] not in shown
    assert "PRIVATE KEY" not in shown


@each
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_odd_value_anywhere_is_refused_or_read_but_never_a_crash(shape, odd):
    for claims in changed_everywhere({**shape.person, **shape.more}, odd):
        try:
            profile = shape.provider.profile(claims)
        except REFUSALS:
            continue
        assert isinstance(profile.id, str)
        assert profile.id
        assert isinstance(profile.email, str | None)
        assert isinstance(profile.name, str)
        assert isinstance(profile.image, str | None)
        assert profile.is_email_verified in (True, False)


@each
@pytest.mark.parametrize("wrong", [None, True, 1.5, "", [], ["1"], {"id": "1"}], ids=repr)
def test_whoever_has_no_id_is_nobody(shape, wrong):
    names = {"id", "sub", "https://slack.com/user_id"}
    person = {name: wrong if name in names else value for name, value in shape.person.items()}
    if shape.provider.id == "twitter":
        person = {"data": {**shape.person["data"], "id": wrong}}
    with pytest.raises(REFUSALS):
        shape.provider.profile({**person, **shape.more})


@each
def test_an_answer_that_is_no_object_describes_nobody(shape):
    for answer in (None, [], [shape.person], "text", 7):
        with pytest.raises(REFUSALS):
            shape.provider.profile(answer)


@pytest.mark.parametrize("provider_id", ["google", "apple", "linkedin", "slack", "twitch"])
@pytest.mark.parametrize("said", [None, False, "false", "yes", 1, [True]], ids=repr)
def test_an_address_is_verified_only_by_the_documented_yes(provider_id, said):
    assert not read(shape_of(provider_id), email_verified=said).is_email_verified


@pytest.mark.parametrize("provider_id", ["facebook", "gitlab", "microsoft", "spotify"])
@pytest.mark.parametrize("claim", ["verified", "is_verified", "verified_email", "confirmed"])
def test_where_nothing_is_documented_no_claim_verifies_an_address(provider_id, claim):
    assert not read(shape_of(provider_id), **{claim: True}).is_email_verified


@pytest.mark.parametrize("provider_id", ["facebook", "microsoft", "spotify"])
def test_not_even_the_standard_claim_where_the_provider_does_not_document_it(provider_id):
    assert not read(shape_of(provider_id), email_verified=True).is_email_verified


@pytest.mark.parametrize("said", [None, False, "false", 1])
def test_discords_yes_is_verified(said):
    assert not read(shape_of("discord"), verified=said).is_email_verified


def test_xs_only_address_is_the_confirmed_one():
    person = {"id": "1", "name": "A", "email": "unconfirmed@example.com"}
    profile = shape_of("twitter").provider.profile({"data": person})
    assert (profile.email, profile.is_email_verified) == (None, False)


@pytest.mark.parametrize(
    ("user_id", "discriminator", "avatar", "url"),
    [
        ("80351110224678912", "0", None, "https://cdn.discordapp.com/embed/avatars/5.png"),
        ("80351110224678912", "1337", None, "https://cdn.discordapp.com/embed/avatars/2.png"),
        ("80351110224678912", None, None, "https://cdn.discordapp.com/embed/avatars/5.png"),
        ("1", "0", "a_1269", "https://cdn.discordapp.com/avatars/1/a_1269.gif"),
        ("1", "0", "../../evil", "https://cdn.discordapp.com/embed/avatars/0.png"),
    ],
)
def test_discords_pictures_are_built_from_their_hashes(user_id, discriminator, avatar, url):
    assert read(shape_of("discord"), id=user_id, discriminator=discriminator, avatar=avatar).image == url


@pytest.mark.parametrize("discriminator", ["none", 0, "1.5"])
def test_a_discriminator_that_is_no_number_is_refused(discriminator):
    with pytest.raises(ValueError, match=r"discriminator|int"):
        read(shape_of("discord"), avatar=None, discriminator=discriminator)


@pytest.mark.parametrize(
    ("provider_id", "claim", "fallback"),
    [("discord", "global_name", "nelly"), ("gitlab", "name", "jdoe"), ("spotify", "display_name", "")],
)
def test_who_has_no_name_is_called_by_the_account(provider_id, claim, fallback):
    assert read(shape_of(provider_id), **{claim: None}).name == fallback


def test_spotify_without_pictures_has_none():
    assert read(shape_of("spotify"), images=[]).image is None


def test_slacks_large_picture_stands_in():
    assert read(shape_of("slack"), picture=None).image == "https://secure.gravatar.com/krane-512.png"


def test_only_people_of_slacks_workspace_are_let_in_where_one_is_asked_for():
    shape = shape_of("slack")
    assert replace(shape.provider, team="T0R7GR").option_params() == {"team": "T0R7GR"}
    assert replace(shape.provider, team="T0R7GR").profile(shape.person).name == "krane"
    for claims in (shape.person, {**shape.person, "https://slack.com/team_id": None}):
        with pytest.raises(ValueError, match="workspace"):
            replace(shape.provider, team="T0OTHER").profile(claims)


def test_facebooks_limited_login_has_the_standard_claims():
    claims = {"sub": "10160001234567890", "name": "Jane", "email": "jane@example.com", "picture": "https://f.test/p"}
    profile = Facebook(**CLIENT).profile(claims)
    assert (profile.id, profile.image, profile.is_email_verified) == ("10160001234567890", "https://f.test/p", False)


def test_facebook_is_asked_for_more_fields_where_wanted():
    facebook = Facebook(**CLIENT, fields=("id", "name", "email", "picture", "locale"))
    assert facebook.user_info_url == "https://graph.facebook.com/v24.0/me?fields=id,name,email,picture,locale"


def test_facebooks_version_is_in_every_address():
    facebook = Facebook(**CLIENT, version="v99.0")
    assert facebook.authorization_url == "https://www.facebook.com/v99.0/dialog/oauth"
    assert facebook.token_url == "https://graph.facebook.com/v99.0/oauth/access_token"
    assert facebook.user_info_url == "https://graph.facebook.com/v99.0/me?fields=id,name,email,picture"


@pytest.mark.parametrize("issuer", ["https://git.example.com/sub", "https://git.example.com/sub/"])
def test_a_gitlab_of_ones_own_is_known_by_its_issuer(issuer):
    gitlab = GitLab(**CLIENT, issuer=issuer)
    assert gitlab.authorization_url == "https://git.example.com/sub/oauth/authorize"
    assert gitlab.token_url == "https://git.example.com/sub/oauth/token"
    assert gitlab.user_info_url == "https://git.example.com/sub/api/v4/user"


def test_gitlabs_openid_connect_tells_the_same_person_with_a_verified_address():
    claims = {"sub": "1001", "email": "jdoe@example.com", "email_verified": True, "picture": "https://g.test/a.png"}
    profile = GitLab(**CLIENT).profile(claims)
    assert (profile.id, profile.is_email_verified, profile.image) == ("1001", True, "https://g.test/a.png")


@pytest.mark.parametrize("person", ["", None, 0.5, "a\0b", []])
def test_no_map_makes_everybody_the_same_person(person):
    everybody = GitLab(client_id="1", map_profile=lambda profile: replace(profile, id=person))
    with pytest.raises(ValueError, match="id"):
        everybody.profile({"id": 1, "email": "ada@example.com"})


def test_a_map_may_give_a_number_for_an_id():
    numbered = GitLab(client_id="1", map_profile=lambda profile: replace(profile, id=7))
    assert numbered.profile({"id": 1}).id == "7"
