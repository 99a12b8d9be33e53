"""URLs of instances and sources: one written form, checked parts, and the origin that credentials are bound to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from dicomlogic_core.errors import UsageError

_UID = re.compile(r"[0-9.]{1,64}\Z")
_LONGEST = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PREFIXES = ("dicomweb+", "wadors:", "wadouri:", "dicomweb:")
_WEB = ("http://", "https://")
_LEVELS = ("studies", "series", "instances", "frames")


def is_uid(text: str) -> bool:
    """True for what may go into a path as a UID; anything else never reaches a URL or file name."""
    return _UID.match(text) is not None


def check_uid(text: str) -> str:
    """`text` itself when it is a UID of digits and dots, at most 64 of them (PS3.5 9.1).

    Raises:
        UsageError: it is not, and must not be put into a path.
    """
    if not is_uid(text):
        raise UsageError(
            f"{text[:70]!r} is no DICOM UID (digits and dots, at most 64)",
            code="usage.uid",
            remedy="check the identifier; it is not put into a URL",
        )
    return text


def origin(url: str) -> str:
    """Scheme, host and port of a URL in lower case, without userinfo and default port.

    Credentials are bound to it. A text that is no URL, a folder for example, has the origin ``://``.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "://"
    if ":" in host:
        host = f"[{host}]"
    scheme = parts.scheme.lower()
    shown = f":{port}" if port and port != _DEFAULT_PORTS.get(scheme) else ""
    return f"{scheme}://{host}{shown}"


def is_within(url: str, base: str) -> bool:
    """True when `url` is `base` or lies below it, compared by origin and by whole path components."""
    inner, outer = urlsplit(url).path.rstrip("/"), urlsplit(base).path.rstrip("/")
    return origin(url) == origin(base) and (inner == outer or inner.startswith(outer + "/"))


def shown(url: str) -> str:
    """`url` as it may appear in messages and logs: without userinfo, query and fragment."""
    head, separator, rest = url.partition("://")
    if not separator:
        return url.partition("?")[0].partition("#")[0]
    authority, slash, path = rest.partition("/")
    authority = authority.rpartition("@")[2].partition("?")[0].partition("#")[0]
    return f"{head}://{authority}{slash}{path.partition('?')[0].partition('#')[0]}"


def normalise_url(url: str, labels: Mapping[str, str] | None = None) -> str:
    """The one written form of an accepted URL (database page, section 9).

    Prefixes (``dicomweb+``, ``wadors:``, ``wadouri:``, ``dicomweb:``) are stripped, ``dicomweb://LABEL/...`` becomes
    the base URL that `labels` has for LABEL. Scheme and host become lower case; default port, query, fragment, trailing
    slash and doubled slashes go; nothing else is re-encoded.

    Raises:
        UsageError: no URL, with a user name or password in it, ``.`` or ``..`` in its path, a bad UID, or too long.
    """
    text = url.strip()
    if len(text) > _LONGEST:
        raise _refused(text[:80], f"the URL is longer than {_LONGEST} characters")
    if not text.isprintable() or any(sign in text for sign in ' \\"<>'):
        # urlsplit would leave out line ends without a word.
        raise _refused(text, "the URL holds a character that does not belong there")
    text = _without_prefix(text, labels or {})
    try:
        parts = urlsplit(text)
        place = origin(text)
        userinfo = "@" in parts.netloc
    except ValueError:
        raise _refused(text, "this is no URL") from None
    if userinfo:
        raise _refused(
            text, "a URL must not hold a user name or password", "name them by the options user and password"
        )
    if not parts.scheme or not parts.netloc or place == "://":
        raise _refused(text, "this is no URL with scheme and host")
    components = [component for component in parts.path.split("/") if component]
    if any(unquote(component) in {".", ".."} for component in components):
        raise _refused(text, "the URL's path holds '.' or '..'")
    for level, uid in pairwise(components):
        if level in _LEVELS[:3] and place.startswith("http"):
            check_uid(uid)
    return place + "".join(f"/{component}" for component in components)


def _without_prefix(text: str, labels: Mapping[str, str]) -> str:
    lower = text.lower()
    for prefix in _PREFIXES:
        if lower.startswith(prefix) and lower[len(prefix) :].startswith(_WEB):
            return text[len(prefix) :]
    if lower.startswith("dicomweb://"):
        label, _, path = text[len("dicomweb://") :].partition("/")
        if label not in labels:
            known = ", ".join(sorted(labels)) or "none"
            raise _refused(
                text, f"no source is labelled {label!r} (known: {known})", "name the source with the option label"
            )
        return f"{labels[label].rstrip('/')}/{path}"
    return text


def _refused(
    url: str, why: str, remedy: str = "write it as https://host/root[/studies/UID[/series/UID]]"
) -> UsageError:
    return UsageError(why, code="usage.url", where=shown(url), remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLocation:
    """A DICOMweb URL in parts; levels below what it names are "" or 0.

    Attributes:
        base: URL of the service, what comes before ``/studies``.
        study_uid, series_uid, sop_uid: UIDs, checked.
        frame: number of the first frame named, from 1; 0 when none is.
    """

    base: str
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    frame: int = 0

    @property
    def url(self) -> str:
        """The URL again, in its written form."""
        url = self.base
        for level, value in zip(_LEVELS, (self.study_uid, self.series_uid, self.sop_uid, str(self.frame or ""))):
            if not value:
                break
            url += f"/{level}/{value}"
        return url


def split_url(url: str, labels: Mapping[str, str] | None = None) -> WebLocation:
    """A DICOMweb URL in parts: a base, a study, a series, an instance or a frame.

    Raises:
        UsageError: as `normalise_url`, or what follows ``/studies`` is not made of levels and UIDs.
    """
    normal = normalise_url(url, labels)
    base, found, rest = normal.rpartition("/studies/")
    if not found:
        return WebLocation(base=normal.removesuffix("/studies"))
    components = ["studies", *rest.split("/")]
    names, values = components[0::2], components[1::2]
    complete = len(names) == len(values)
    # ".../studies/UID/series" names the study as well as ".../studies/UID" does.
    if tuple(names) != _LEVELS[: len(names)] or not (complete or len(names) == len(values) + 1):
        raise _refused(normal, "what follows /studies is not made of studies, series, instances and frames")
    uids = [check_uid(value) for value in values[:3]] + [""] * 3
    frame = values[3].partition(",")[0] if len(values) > 3 else "0"
    if not (frame.isascii() and frame.isdigit()) or (len(values) > 3 and int(frame) < 1):
        raise _refused(normal, "frames are numbered from 1")
    return WebLocation(base=base, study_uid=uids[0], series_uid=uids[1], sop_uid=uids[2], frame=int(frame))
