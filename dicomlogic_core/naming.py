"""Names that are safe as files on every system."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_LONGEST_BYTES = 120  # leaves room for a digest and a suffix below the usual limit of 255 bytes


def safe_file_name(name: str) -> str:
    """`name` as a file name without suffix: no separators, control characters, reserved names or leading dots.

    A name that had to be cut ends in a digest of the whole one, so that different names stay different.
    """
    text = unicodedata.normalize("NFC", name)
    text = "".join("_" if unicodedata.category(letter)[0] == "C" else letter for letter in text)
    text = re.sub(r'[<>:"/\\|?*\s]+', "_", text).strip("._ ")
    if not text or text.split(".")[0].lower() in _RESERVED:
        text = f"_{text}"
    if len(text.encode()) > _LONGEST_BYTES:
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
        text = text.encode()[: _LONGEST_BYTES - 9].decode("utf-8", "ignore") + "-" + digest
    return text
