"""Microsoft: whose tenant an ID token is of, and whose address is believed."""

import pytest

from asgi_auth import ConfigurationError
from asgi_auth.providers import Microsoft
from tests.servers.provider_shapes import CLIENT, OTHER_TENANT, PERSONAL_TENANT, shape_of

OURS = "11111111-2222-3333-4444-555555555555"
ADA = shape_of("microsoft").person


def make(**options):
    return Microsoft(**CLIENT, **options)


def issuer_of(tenant, authority="https://login.microsoftonline.com"):
    return f"{authority}/{tenant}/v2.0"


def accepts(provider, tenant):
    return provider.is_issuer(issuer_of(tenant), {"tid": tenant})


def test_everybody_is_let_in_unless_told_otherwise():
    assert accepts(make(), OTHER_TENANT)
    assert accepts(make(), PERSONAL_TENANT)


def test_organizations_are_everybody_but_personal_accounts():
    assert accepts(make(tenant_id="organizations"), OTHER_TENANT)
    assert not accepts(make(tenant_id="organizations"), PERSONAL_TENANT)


def test_consumers_are_personal_accounts_only():
    assert accepts(make(tenant_id="consumers"), PERSONAL_TENANT)
    assert not accepts(make(tenant_id="consumers"), OTHER_TENANT)


def test_a_tenant_of_ones_own_lets_in_nobody_elses_people():
    assert accepts(make(tenant_id=OURS), OURS)
    assert not accepts(make(tenant_id=OURS), OTHER_TENANT)
    assert not accepts(make(tenant_id=OURS), PERSONAL_TENANT)


def test_issuer_and_tenant_of_a_token_have_to_agree():
    assert not make().is_issuer(issuer_of(OTHER_TENANT), {"tid": PERSONAL_TENANT})
    assert not make().is_issuer(issuer_of(OTHER_TENANT), {"tid": None})


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "https://login.microsoftonline.com/v2.0",
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com//v2.0",
        f"https://login.microsoftonline.com/{OTHER_TENANT}/v1.0",
        f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0/",
        f"https://login.microsoftonline.com/x/{OTHER_TENANT}/v2.0",
        f"https://login.microsoftonline.com.evil.test/{OTHER_TENANT}/v2.0",
        f"https://evil.test/{OTHER_TENANT}/v2.0",
        f"http://login.microsoftonline.com/{OTHER_TENANT}/v2.0",
        f"https://sts.windows.net/{OTHER_TENANT}/",
        OTHER_TENANT,
    ],
)
def test_no_other_issuer_is_microsoft(issuer):
    assert not make().is_issuer(issuer, {"tid": OTHER_TENANT})
    assert not make().is_issuer(issuer, {})


def test_endpoints_follow_authority_and_tenant():
    microsoft = make(tenant_id=OURS, authority="https://login.microsoftonline.us/")
    root = f"https://login.microsoftonline.us/{OURS}"
    assert microsoft.authorization_url == f"{root}/oauth2/v2.0/authorize"
    assert microsoft.token_url == f"{root}/oauth2/v2.0/token"
    assert microsoft.jwks_url == f"{root}/discovery/v2.0/keys"
    assert microsoft.is_issuer(issuer_of(OURS, "https://login.microsoftonline.us"), {"tid": OURS})


def test_a_tenant_that_has_only_a_name_needs_its_issuer():
    with pytest.raises(ConfigurationError, match="tenant_id"):
        make(tenant_id="example.onmicrosoft.com")
    own = f"https://{OURS}.ciamlogin.com/{OURS}/v2.0"
    external = make(tenant_id=OURS, authority="https://example.ciamlogin.com", issuers=(own,))
    assert external.is_issuer(own, {"tid": OURS})
    assert not external.is_issuer(issuer_of(OTHER_TENANT), {"tid": OTHER_TENANT})


def test_an_address_that_a_foreign_tenant_wrote_is_not_verified():
    assert not make().profile(ADA).is_email_verified
    assert not make().profile({**ADA, "email_verified": True}).is_email_verified
    assert not make().profile({**ADA, "verified_primary_email": ["ada@example.com"]}).is_email_verified


@pytest.mark.parametrize("said", [False, "false", None, 0, "no"])
def test_nor_where_the_domain_is_not_the_tenants(said):
    assert not make().profile({**ADA, "xms_edov": said}).is_email_verified


def test_an_address_in_the_tenants_own_domain_is_verified():
    assert make().profile({**ADA, "xms_edov": True}).is_email_verified


def test_a_personal_accounts_address_is_verified():
    assert make().profile({**ADA, "tid": PERSONAL_TENANT}).is_email_verified


def test_a_user_name_is_never_taken_for_an_address():
    claims = {name: value for name, value in ADA.items() if name != "email"}
    assert make().profile(claims).email is None
