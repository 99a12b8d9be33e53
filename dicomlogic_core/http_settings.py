"""How a source is talked to: limits, times and hosts, from the source's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from dicomlogic_core.errors import UsageError
from dicomlogic_core.urls import origin

HTTP_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "auth": "bearer token by reference: env:NAME, file:PATH, netrc, keyring:service/user, cmd:COMMAND, colab:NAME",
        "user": "user name for Basic authentication",
        "password": "its password, by reference",
        "header.NAME": "value of a header sent to this source only, by reference",
        "label": "name of the source, for dicomweb://LABEL/...",
        "allow-hosts": "origins (https://host[:port], by commas) the source may refer to; they get no credentials",
        "proxy": "URL of an HTTP proxy; by default HTTPS_PROXY and NO_PROXY decide",
        "verify": "file of certificate authorities, or 'no' to accept any certificate",
        "cert": "client certificate file (PEM)",
        "concurrency": "requests at once (default 8)",
        "attempts": "requests in all for one answer (default 5)",
        "timeout": "seconds to wait for the next bytes (default 60)",
    }
)
"""Options of every HTTP source -> help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Limits and times of one source; each can be set.

    Attributes:
        connect_s, read_s: seconds to wait for a connection and for the next bytes.
        total_s: seconds for one whole answer, streamed series excepted.
        attempts: requests in all for one answer.
        concurrency: requests at once.
        retry_after_s: longest wait a server may ask for; a longer one is an error that names it.
        slow_bytes, slow_s: an answer that brings fewer bytes in that time is given up.
        metadata_limit, frame_limit: bytes of a decoded answer.
        redirects: hops that are followed.
        allow: origins besides the source's own that it may refer to.
        verify, cert, proxy: as requests takes them; None leaves it to the environment.
    """

    connect_s: float = 5.0
    read_s: float = 60.0
    total_s: float = 600.0
    attempts: int = 5
    concurrency: int = 8
    retry_after_s: float = 30.0
    slow_bytes: int = 16 << 10
    slow_s: float = 30.0
    metadata_limit: int = 512 << 20
    frame_limit: int = 2 << 30
    redirects: int = 5
    allow: frozenset[str] = frozenset()
    verify: str | bool | None = None
    cert: str | None = None
    proxy: str | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "") -> HttpSettings:
        """The settings that source options ask for.

        Raises:
            UsageError: a number that is none, or below 1.
        """
        given: dict[str, Any] = {}
        for option, name, kind in _NUMBERS:
            if option in options:
                given[name] = _number(option, options[option], kind, where)
        hosts = [host.strip() for host in str(options.get("allow-hosts", "")).split(",")]
        given["allow"] = frozenset(origin(host if "://" in host else f"https://{host}") for host in hosts if host)
        verify = str(options.get("verify", ""))
        given["verify"] = {"": None, "no": False, "false": False, "yes": True, "true": True}.get(verify, verify)
        given["cert"] = options.get("cert")
        given["proxy"] = options.get("proxy")
        return cls(**given)


_NUMBERS = (("concurrency", "concurrency", int), ("attempts", "attempts", int), ("timeout", "read_s", float))

assert {name for _, name, _ in _NUMBERS} <= {entry.name for entry in fields(HttpSettings)}


def _number(option: str, value: Any, kind: type[int] | type[float], where: str) -> float:
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 1e6:
        raise UsageError(f"option {option} must be a positive number, not {value!r}", where=where)
    return number
