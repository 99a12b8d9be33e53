"""Content-Type and its parameters, with quoted strings taken seriously (RFC 9110 section 5.6.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))')


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type.

    Attributes:
        name: ``type/subtype`` in lower case, "" when there was no header.
        parameters: names in lower case, values unquoted.
    """

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, header: str) -> MediaType:
        """The value of a Content-Type header; never fails, what cannot be read is left out."""
        head, semicolon, rest = header.partition(";")
        parameters: dict[str, str] = {}
        for name, quoted, token in _PARAMETER.findall(semicolon + rest):
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted else token.strip()
            # The first one wins: what follows is a repetition, or came out of an unbalanced quote.
            parameters.setdefault(name.lower(), value)
        return cls(head.strip().lower(), parameters)

    @property
    def transfer_syntax(self) -> str:
        """UID of the ``transfer-syntax`` parameter; "" when absent or ``*``."""
        uid = self.parameters.get("transfer-syntax", "").strip()
        return "" if uid == "*" else uid

    @property
    def multipart(self) -> bool:
        """True for ``multipart/*``."""
        return self.name.startswith("multipart/")
