"""The one tree of errors.

Every error says what happened, where, why it matters and what to do next, and carries its data as attributes.
Texts never hold secrets; URLs in them are without userinfo and query, patient values stay out.
"""

from __future__ import annotations


class DicomLogicError(Exception):
    """Root of all errors raised on purpose.

    Attributes:
        code: stable text, e.g. ``network.unauthorized``; findings made from an error carry the same code.
        message: what happened and why it matters.
        where: UID, file or URL (without secrets) it happened at; empty when it concerns no single place.
        remedy: what the user can do next.
    """

    code = "error"

    def __init__(self, message: str, *, code: str = "", where: str = "", remedy: str = "") -> None:
        self.message = message
        self.where = where
        self.remedy = remedy
        if code:
            self.code = code
        super().__init__(message)

    def __str__(self) -> str:
        text = self.message
        if self.where:
            text += f" [{self.where}]"
        if self.remedy:
            text += f" -> {self.remedy}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword arguments do not travel in Exception.args; jobs send errors between processes.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(kind: type[DicomLogicError], args: tuple[object, ...], state: dict[str, object]) -> DicomLogicError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(DicomLogicError):
    """A request that cannot be meant: unknown option, keyword, location or identifier (exit code 2)."""

    code = "usage"


class SourceError(DicomLogicError):
    """A source could not be reached or read at all (exit code 3)."""

    code = "source"


class NetworkError(SourceError):
    """An HTTP exchange failed.

    Attributes:
        url: without userinfo and query.
        status: HTTP status, or 0 when no answer came.
        attempts: how many requests were made.
        retryable: True when the same request may succeed later.
        retry_after: seconds the server asked to wait, 0 when it did not say.
    """

    code = "network"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        url: str = "",
        status: int = 0,
        attempts: int = 1,
        retryable: bool = False,
        retry_after: float = 0.0,
        remedy: str = "",
    ) -> None:
        super().__init__(message, code=code, where=url, remedy=remedy)
        self.url = url
        self.status = status
        self.attempts = attempts
        self.retryable = retryable
        self.retry_after = retry_after


class HeaderError(DicomLogicError):
    """Bytes that are no DICOM header, or a header that cannot be read any further."""

    code = "header"


class DatabaseError(DicomLogicError):
    """A database that cannot be opened, read or written (exit code 3)."""

    code = "index"


class GeometryError(DicomLogicError):
    """Positions or orientations from which no right geometry can be made."""

    code = "geometry"


class PixelError(DicomLogicError):
    """Pixel data that is missing, short, of the wrong size, too large or cannot be decoded."""

    code = "pixels"


class QuantityError(DicomLogicError):
    """Values that cannot become the quantity asked for: an input is missing, absurd or contradicts another."""

    code = "quantity"


class PluginError(DicomLogicError):
    """A plugin failed at work; ``__cause__`` is what it raised.

    Attributes:
        plugin: provider or plugin name.
        version: version of its distribution.
        stage: ``import``, ``register``, ``provide``, ``create``, ``scan``, ``examine``, ``load``, ``fetch`` or
            ``write``.
    """

    code = "plugin"

    def __init__(
        self, message: str, *, plugin: str, version: str = "", stage: str = "", where: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.plugin = plugin
        self.version = version
        self.stage = stage


class WriteError(DicomLogicError):
    """An object could not be written."""

    code = "write"


class Cancelled(DicomLogicError):
    """The caller asked to stop; what was committed stays."""

    code = "cancelled"
