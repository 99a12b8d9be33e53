"""What can be told of metadata from its bytes: to parse it here, and again in the index, would cost twice."""

from __future__ import annotations

from dicomlogic_dicomweb.elements import SOP_CLASS, SOP_UID, objects, text

_SOP_UID, _SOP_CLASS, _ROWS = (f'"{key}"'.encode() for key in (SOP_UID, SOP_CLASS, "00280010"))
_YEN = (b"\\u00a5", b"\\u00A5", "\u00a5".encode())

# Storage classes that cannot be without Rows: CT, MR, PET, NM, US, CR, DX and the enhanced forms (PS3.4 B.5).
_IMAGES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in ("2", "2.1", "4", "4.1", "128", "130", "20", "6.1", "3.1", "1", "1.1", "1.2", "7", "12.1")
)


def is_garbled(body: bytes) -> bool:
    """True when a server took the delimiter of Japanese headers for a yen sign, which costs positions and spacings.

    In ISO-IR 13 (JIS X 0201) byte 5C is drawn as that sign and delimits values all the same (PS3.5 6.1.2.5.3). Orthanc
    1.10 decodes it first, then finds that a position of one text is no number and sends nothing.
    """
    return b"IR 13" in body and any(sign in body for sign in _YEN)


def is_partial(body: bytes, url: str) -> bool:
    """True when instances come without their class, or an image without its rows: a listing, not a header."""
    classes = body.count(_SOP_CLASS)
    if 0 < body.count(_SOP_UID) <= classes <= body.count(_ROWS):
        return False
    # Keys inside sequences are counted too, so this says yes too often; then every object is looked at.
    return any(
        not text(obj, SOP_CLASS) or (text(obj, SOP_CLASS) in _IMAGES and not text(obj, "00280010"))
        for obj in objects(body, url)
    )


def count(bodies: list[bytes], announced: int, url: str) -> int:
    """Number of instances in bodies of metadata; `announced` is what it should be."""
    found = sum(body.count(_SOP_UID) for body in bodies)
    return found if found == announced else sum(len(objects(body, url)) for body in bodies)


def single(body: bytes) -> bytes:
    """The object in an answer for one instance, which servers send bare or as a list of one."""
    stripped = body.removeprefix(b"\xef\xbb\xbf").strip()
    return stripped[1:-1].strip() if stripped.startswith(b"[") else stripped
