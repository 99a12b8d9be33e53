"""How the fake service behaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from dicomlogic_core.testing.server_switches import CommonSwitches, Fault

__all__ = ["Fault", "Switches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches(CommonSwitches):
    """The behaviour of the fake service; the defaults follow the service model.

    Attributes:
        access_key, secret_key, session_token: credentials that requests must be signed with; "" is no session token.
        region: region that signatures must name.
        signatures: False takes every request, signed or not.
        refusal: the error for a signature that does not match; the model has ``AccessDeniedException``, AWS's gateways
            also answer ``InvalidSignatureException``.
        expired: True says of every token that it is expired.
        storage: the data store's losslessStorageFormat, which GetDatastore answers.

        metadata: how metadata is sent: ``gzip`` with its Content-Encoding, ``unlabelled`` gzip, or ``plain``.
        stored_syntax: False leaves StoredTransferSyntaxUID out of it.
        checksums: False sends wrong checksums.
        frame_type: Content-Type of frames; "" is the one of their transfer syntax.
        filters: most filters in a search; more are a ValidationException.
        page: image sets and versions in an answer that names no maxResults.
    """

    access_key: str = "AKIDLOOPBACK"
    secret_key: str = field(default="loopback/secret+key", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = "eu-central-1"
    signatures: bool = True
    refusal: str = "AccessDeniedException"
    expired: bool = False
    storage: str = "HTJ2K"

    metadata: str = "gzip"
    stored_syntax: bool = True
    checksums: bool = True
    frame_type: str = ""
    filters: int = 2
    page: int = 50
