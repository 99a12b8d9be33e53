"""Credentials, region and endpoint as the AWS tools find them: profile, environment, SSO, role of the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.exceptions import BotoCoreError, ProfileNotFound

from dicomlogic_ahi.signature import SERVICE, Keys, signed_headers
from dicomlogic_core import SourceError, normalise_url

_SIGNED = ("Content-Type",)
_HOST = "medical-imaging"


class Signer:
    """Signs each request with the credentials of that moment. Called by the core's client with every request it sends.

    Expiring credentials are renewed by botocore, before they expire.
    """

    anonymous = False
    generation = 0

    def __init__(self, credentials: Any, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def __call__(self, request: Any) -> Any:
        """Put the signature into a prepared request (of requests), which is returned.

        Raises:
            SourceError: the credentials could not be renewed.
        """
        headers = {name: request.headers[name] for name in _SIGNED if name in request.headers}
        now = datetime.now(timezone.utc)
        body = request.body or b""
        request.headers.update(
            signed_headers(request.method, request.url, headers, body, keys=self._keys(), region=self._region, now=now)
        )
        return request

    def refresh(self, generation: int) -> None:
        """Nothing: the next signature is made anew in any case."""

    def _keys(self) -> Keys:
        try:
            found = self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise _unusable(error) from None
        return Keys(found.access_key, found.secret_key, found.token or "")

    def __repr__(self) -> str:
        return f"Signer({self._region})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("credentials do not travel; they are found again where they are used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach the service.

    Attributes:
        control: URL of the operations on data stores.
        runtime: URL of the operations on their content.
        signer: of the requests to both.
    """

    control: str
    runtime: str
    signer: Signer = field(repr=False)


def find_access(options: Mapping[str, Any], where: str) -> Access:
    """Who asks, and where, by options and by what the AWS tools are configured with.

    Raises:
        SourceError: there is no region, no such profile, or there are no credentials; says what to set.
        UsageError: the endpoint is no URL.
    """
    try:
        session = botocore.session.Session(profile=options.get("profile") or None)
        # The other AWS tools know AWS_REGION, botocore by itself does not.
        named = options.get("region") or (os.environ.get("AWS_REGION") if not options.get("profile") else "")
        region = named or session.get_config_variable("region")
        if not region:
            raise SourceError(
                "no AWS region is known",
                where=where,
                remedy="give the option region, or set AWS_REGION or a region in the profile",
            )
        credentials = session.get_credentials()
        endpoint = options.get("endpoint") or _endpoint(session, str(region))
    except ProfileNotFound:
        raise SourceError(
            f"the AWS configuration has no profile {options.get('profile') or 'as AWS_PROFILE names'}",
            where=where,
            remedy="check the option profile and AWS_PROFILE",
        ) from None
    except BotoCoreError as error:
        raise _unusable(error, where) from None
    if credentials is None:
        raise SourceError(
            "no AWS credentials were found",
            code="network.unauthorized",
            where=where,
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give the option profile, or run: aws sso login",
        )
    control = normalise_url(str(endpoint))
    return Access(control=control, runtime=runtime_url(control), signer=Signer(credentials, str(region)))


def runtime_url(endpoint: str) -> str:
    """Where frames and metadata are: AWS's own hosts have another name for that, any other host has not."""
    host = urlsplit(endpoint).netloc
    return endpoint.replace(f"://{host}", f"://runtime-{host}", 1) if host.startswith(_HOST) else endpoint


def _endpoint(session: Any, region: str) -> str:
    # Only a client knows: the rules for partitions, FIPS, dual stack and AWS_ENDPOINT_URL are in its data.
    client = session.create_client(SERVICE, region_name=region)
    try:
        return str(client.meta.endpoint_url)
    finally:
        client.close()


def _unusable(error: Exception, where: str = "") -> SourceError:
    # Texts of these errors may quote what a credential process wrote: the kind says enough.
    return SourceError(
        f"the AWS credentials or configuration cannot be used ({type(error).__name__})",
        code="network.unauthorized",
        where=where,
        remedy="check the profile, or log in again (aws sso login)",
    )
