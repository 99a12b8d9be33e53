"""Signatures against those of botocore, for requests of any form."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_ahi.signature import SERVICE, Keys, signed_headers

TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=20)
NAME = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(timezone.utc))


def of_botocore(method: str, url: str, headers: dict[str, str], body: bytes, keys: Keys, region: str, now: datetime):
    """The headers that botocore makes."""
    credentials = ReadOnlyCredentials(keys.access, keys.secret, keys.token or None)
    request = AWSRequest(method, url, data=body, headers=dict(headers))
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(botocore.auth, "get_current_datetime"):
            patch.setattr(botocore.auth, "get_current_datetime", lambda: now)
        else:
            patch.setattr(botocore.auth.datetime, "datetime", SimpleNamespace(utcnow=lambda: now))
        botocore.auth.SigV4Auth(credentials, SERVICE, region).add_auth(request)
    return dict(request.headers)


@given(
    method=st.sampled_from(["GET", "POST"]),
    host=st.sampled_from(["runtime-medical-imaging.eu-west-1.amazonaws.com", "127.0.0.1:8123", "host:443", "[::1]:80"]),
    scheme=st.sampled_from(["http", "https"]),
    path=st.lists(NAME.filter(lambda text: text not in {".", ".."}), max_size=4),
    query=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4),
    content_type=st.sampled_from(["", "application/json", "text/plain;  charset=utf-8 "]),
    body=st.binary(max_size=100),
    access=NAME,
    secret=TEXT.filter(bool),
    token=st.one_of(st.just(""), NAME),
    region=st.sampled_from(["us-east-1", "eu-west-1", "cn-north-1"]),
    now=MOMENTS,
)
def test_headers_are_those_of_botocore(
    method, host, scheme, path, query, content_type, body, access, secret, token, region, now
):
    url = f"{scheme}://{host}/" + "/".join(quote(part, safe="-_.~") for part in path)
    if query:
        url += "?" + urlencode(query, quote_via=quote, safe="-_.~")
    headers = {"Content-Type": content_type} if content_type else {}
    keys = Keys(access, secret, token)
    ours = signed_headers(method, url, headers, body, keys=keys, region=region, now=now)
    assert headers | ours == of_botocore(method, url, headers, body, keys, region, now)


def test_the_example_of_the_documentation():
    # AWS General Reference, "Signature Version 4 test suite", get-vanilla; its service is called "service".
    url, now = "https://example.amazonaws.com/", datetime(2015, 8, 30, 12, 36, tzinfo=timezone.utc)
    keys = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dicomlogic_ahi.signature.SERVICE", "service")
        found = signed_headers("GET", url, {}, b"", keys=keys, region="us-east-1", now=now)
    assert found["Authorization"].endswith(
        "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


def test_keys_are_shown_without_their_secrets():
    assert repr(Keys("AKID", "very-secret", "token-secret")) == "Keys(access='AKID')"
