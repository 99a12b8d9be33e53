"""Where requests go and who signs them, by options and AWS configuration."""

from __future__ import annotations

import pickle

import pytest

import dicomlogic_core as dl
from dicomlogic_ahi.connection import connect
from dicomlogic_ahi.credentials import find_access, runtime_url

STORE = "ahi://" + "d" * 32


@pytest.fixture(autouse=True)
def keys(no_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARY")


@pytest.mark.parametrize(
    ("region", "environment", "control"),
    [
        ("eu-west-1", {}, "https://medical-imaging.eu-west-1.amazonaws.com"),
        ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "https://medical-imaging-fips.us-east-1.amazonaws.com"),
        ("us-east-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://medical-imaging.us-east-1.api.aws"),
        ("cn-north-1", {}, "https://medical-imaging.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_hosts_of_aws_have_a_runtime_host_beside_them(monkeypatch, region, environment, control) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    access = find_access({"region": region}, STORE)
    assert access.control == control
    assert access.runtime == control.replace("https://", "https://runtime-")


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8123", "https://vpce-1.medical-imaging.eu-west-1.vpce.example"])
def test_other_endpoints_are_used_as_they_are(monkeypatch, endpoint) -> None:
    assert runtime_url(endpoint) == endpoint
    access = find_access({"region": "eu-west-1", "endpoint": endpoint}, STORE)
    assert (access.control, access.runtime) == (endpoint, endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_MEDICAL_IMAGING", endpoint)
    access = find_access({"region": "eu-west-1"}, STORE)
    assert (access.control, access.runtime) == (endpoint, endpoint)


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_come_from_the_environment(monkeypatch, name) -> None:
    monkeypatch.setenv(name, "eu-west-1")
    assert "eu-west-1" in find_access({}, STORE).runtime


def test_a_failing_credential_process_is_told_without_its_output(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\ncredential_process = false CANARY\n")
    with pytest.raises(dl.SourceError) as caught:
        find_access({}, STORE)
    assert caught.value.code == "network.unauthorized" and "CANARY" not in str(caught.value)


def test_what_reaches_the_service_shows_no_secret_and_does_not_travel() -> None:
    service = connect(STORE, {"region": "eu-west-1"})
    try:
        access = find_access({"region": "eu-west-1"}, STORE)
        for shown in (service, access, access.signer):
            assert "CANARY" not in repr(shown)
        with pytest.raises(TypeError, match="do not travel"):
            pickle.dumps(access.signer)
    finally:
        service.close()


def test_options_are_checked() -> None:
    with pytest.raises(dl.UsageError, match="concurrency"):
        connect(STORE, {"region": "eu-west-1", "concurrency": "none"})
    with pytest.raises(dl.UsageError):
        connect(STORE, {"region": "eu-west-1", "endpoint": "nowhere"})
