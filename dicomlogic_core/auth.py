"""Credentials of a source: references to secrets, resolved when they are needed and kept nowhere else.

A reference is ``env:NAME``, ``file:PATH``, ``netrc``, ``keyring:service/user``, ``cmd:COMMAND`` or ``colab:NAME``; in
Python also a callable that returns the secret. Whatever is shown of an object here is the reference.
"""

from __future__ import annotations

import base64
import importlib
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dicomlogic_core.errors import DicomLogicError, UsageError

Reference = str | Callable[[], str]

_FORMS = "env:NAME, file:PATH, netrc, keyring:service/user, cmd:COMMAND or colab:NAME"
_COMMAND_LIMIT_S = 60


def resolve(reference: Reference, base: str = "") -> str:
    """The secret that a reference stands for; `base` is the source it is for, named in errors.

    Raises:
        UsageError: no reference, or there is no such secret. The text never holds the secret or what a command wrote.
    """
    if callable(reference):
        return _called(reference, base)
    kind, separator, rest = reference.partition(":")
    find = _KINDS.get(kind) if separator else None
    if find is None:
        # It may be a secret typed by mistake: never repeat it.
        raise UsageError(
            "a secret was given where a reference to one is needed",
            code="usage.secret",
            where=base,
            remedy=f"give {_FORMS}",
        )
    try:
        secret = find(rest)
    except DicomLogicError:
        raise
    except Exception as error:  # a keyring backend or a notebook host may raise anything
        raise _missing(f"{kind}:{rest if kind != 'cmd' else '...'}", base, type(error).__name__) from None
    if not secret:
        raise _missing(f"{kind}:{rest if kind != 'cmd' else '...'}", base, "it is empty or not set")
    return secret


def _called(reference: Callable[[], str], base: str) -> str:
    try:
        secret = reference()
    except Exception as error:  # the user's own code
        raise _missing("the token callable", base, f"it raised {type(error).__name__}") from error
    if not isinstance(secret, str) or not secret:
        raise _missing("the token callable", base, "it returned no text")
    return secret


def _missing(name: str, base: str, why: str) -> UsageError:
    return UsageError(
        f"no secret came from {name}: {why}",
        code="usage.secret",
        where=base,
        remedy="set it, or name another reference",
    )


def _from_env(name: str) -> str:
    return os.environ.get(name, "")


def _from_file(path: str) -> str:
    return Path(path).expanduser().read_text(encoding="utf-8").strip()


def _from_keyring(name: str) -> str:
    try:
        keyring = importlib.import_module("keyring")  # optional
    except ImportError:
        raise UsageError("keyring is not installed", code="usage.secret", remedy="pip install keyring") from None
    service, _, user = name.rpartition("/")
    return str(keyring.get_password(service, user) or "")


def _from_command(command: str) -> str:
    import shlex
    import subprocess  # only for those who use it

    # No shell: what is typed is the program and its arguments, on every platform.
    # Backslashes are part of paths on Windows, so quotes have to be taken off by hand there.
    posix = os.name != "nt"
    words = [word if posix else word.strip('"') for word in shlex.split(command, posix=posix)]
    done = subprocess.run(  # noqa: S603  the user names the command
        words, capture_output=True, text=True, timeout=_COMMAND_LIMIT_S, check=True, stdin=subprocess.DEVNULL
    )
    return done.stdout.strip()


def _from_colab(name: str) -> str:
    userdata = importlib.import_module("google.colab.userdata")  # exists in Colab only
    return str(userdata.get(name) or "")


_KINDS: dict[str, Callable[[str], str]] = {
    "env": _from_env,
    "file": _from_file,
    "keyring": _from_keyring,
    "cmd": _from_command,
    "colab": _from_colab,
}


class Authorizer(Protocol):
    """What a client needs of credentials."""

    @property
    def anonymous(self) -> bool:
        """True when nothing is sent."""

    @property
    def generation(self) -> int:
        """Counts renewals."""

    def __call__(self, request: Any) -> Any:
        """Put what authorizes it into a prepared request (of requests), which is returned."""

    def refresh(self, generation: int) -> None:
        """Renew after a 401 to a request of `generation`."""


class Credentials:
    """What a source's requests carry. A callable that requests takes as ``auth=``; anonymous when nothing is named.

    It is given to every request, also when it does nothing: requests would otherwise put the password of a ``.netrc``
    in place of an explicit Authorization header. Secrets are resolved at first use and again by `refresh`.
    """

    def __init__(
        self,
        base: str,
        *,
        bearer: Reference = "",
        user: str = "",
        password: Reference = "",
        headers: Mapping[str, Reference] | None = None,
    ) -> None:
        self.base = base
        self._bearer = bearer
        self._user = user
        self._password = password
        self._references = dict(headers or {})
        self._lock = threading.Lock()
        self._values: dict[str, str] | None = None
        self.generation = 0

    @classmethod
    def from_options(cls, base: str, options: Mapping[str, Any]) -> Credentials:
        """Credentials named by source options: ``auth``, ``user``, ``password``, ``header.NAME``.

        Raises:
            UsageError: a value that is no reference, or options that contradict each other.
        """
        auth, user = options.get("auth", ""), str(options.get("user", ""))
        password = options.get("password", "")
        if password and not user:
            raise UsageError(
                "a password without a user", code="usage.secret", where=base, remedy="give the option user"
            )
        for reference in (auth, password, *_header_references(options).values()):
            _check_form(reference, base)
        if user:
            password, auth = password or auth, ""
        return cls(base, bearer=auth, user=user, password=password, headers=_header_references(options))

    @property
    def anonymous(self) -> bool:
        """True when nothing is sent."""
        return not (self._bearer or self._user or self._references)

    def __call__(self, request: Any) -> Any:
        """Put the secrets into a prepared request (of requests), which is returned."""
        request.headers.update(self._current())
        return request

    def refresh(self, generation: int) -> None:
        """Resolve again after a 401 to a request of `generation`.

        Of several threads that were refused together the first one asks, the others wait and take what it got.
        """
        with self._lock:
            if generation == self.generation:
                self._values = self._resolved()
                self.generation += 1

    def _current(self) -> dict[str, str]:
        with self._lock:
            if self._values is None:
                self._values = self._resolved()
            return self._values

    def _resolved(self) -> dict[str, str]:
        values = {name: resolve(reference, self.base) for name, reference in self._references.items()}
        user, secret = self._user, ""
        if "netrc" in (self._bearer, self._password):
            user, secret = _from_netrc(self.base)
        elif self._user:
            secret = resolve(self._password, self.base)
        if user:
            values["Authorization"] = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
        elif self._bearer:
            values["Authorization"] = f"Bearer {resolve(self._bearer, self.base)}"
        for name, value in values.items():
            if not (value.isprintable() and value.isascii()):
                raise _missing(f"the reference for {name}", self.base, "it holds characters that no header may hold")
        return values

    def __repr__(self) -> str:
        kind = "anonymous" if self.anonymous else "basic" if self._user else "bearer" if self._bearer else "headers"
        return f"Credentials({kind}, {self.base})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("credentials do not travel; send the references and resolve them where they are used")


def _header_references(options: Mapping[str, Any]) -> dict[str, Reference]:
    return {name[len("header.") :]: value for name, value in options.items() if name.startswith("header.")}


def _check_form(reference: Reference, base: str) -> None:
    if reference and not callable(reference) and reference != "netrc" and reference.partition(":")[0] not in _KINDS:
        resolve("", base)  # raises, with the forms and without the text


def _from_netrc(base: str) -> tuple[str, str]:
    import netrc  # only for those who use it

    host = urlsplit(base).hostname or ""
    path = os.environ.get("NETRC")
    try:
        entry = netrc.netrc(path or None).authenticators(host)
    except (OSError, netrc.NetrcParseError) as error:
        raise _missing("netrc", base, type(error).__name__) from None
    if entry is None:
        raise _missing("netrc", base, f"it has no entry for {host}")
    return entry[0] or entry[1] or "", entry[2] or ""
