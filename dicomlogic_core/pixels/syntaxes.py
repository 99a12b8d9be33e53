"""Transfer syntaxes of pixel data (PS3.5 A.4): which are native, which are decoded, and what others are called."""

from __future__ import annotations

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"

_JPEG = "1.2.840.10008.1.2.4."

DECODED: dict[str, str] = {
    RLE: "RLE Lossless",
    _JPEG + "50": "JPEG Baseline",
    _JPEG + "51": "JPEG Extended",
    _JPEG + "57": "JPEG Lossless",
    _JPEG + "70": "JPEG Lossless SV1",
    _JPEG + "80": "JPEG-LS Lossless",
    _JPEG + "81": "JPEG-LS Near-lossless",
    _JPEG + "90": "JPEG 2000 Lossless",
    _JPEG + "91": "JPEG 2000",
    _JPEG + "201": "HTJ2K Lossless",
    _JPEG + "202": "HTJ2K Lossless RPCL",
    _JPEG + "203": "HTJ2K",
}
"""Encapsulated syntaxes there are decoders for."""

LOSSY = frozenset(_JPEG + end for end in ("50", "51", "81", "91", "203"))
"""Syntaxes whose decoded samples may leave the range that was encoded."""

_OTHERS: dict[str, str] = {
    _JPEG + "92": "JPEG 2000 Part 2 Lossless",
    _JPEG + "93": "JPEG 2000 Part 2",
    _JPEG + "100": "MPEG2 video",
    _JPEG + "101": "MPEG2 video",
    _JPEG + "102": "MPEG-4 video",
    _JPEG + "103": "MPEG-4 video",
    _JPEG + "104": "MPEG-4 video",
    _JPEG + "105": "MPEG-4 video",
    _JPEG + "106": "MPEG-4 video",
    _JPEG + "107": "HEVC video",
    _JPEG + "108": "HEVC video",
    _JPEG + "110": "JPEG XL Lossless",
    _JPEG + "111": "JPEG XL JPEG Recompression",
    _JPEG + "112": "JPEG XL",
    "1.3.46.670589.33.1.4.1": "Philips PMSCT_RLE1",
}


def encapsulated(syntax: str) -> bool:
    """True when pixel data of this syntax is in fragments; an unknown syntax is taken as native."""
    return syntax in DECODED or syntax in _OTHERS


def supported(syntax: str) -> bool:
    """True for native syntaxes, for those with a decoder and for an unknown one, whose bytes decide."""
    return syntax not in _OTHERS


def syntax_name(syntax: str) -> str:
    """For people: the name and the UID."""
    name = DECODED.get(syntax) or _OTHERS.get(syntax)
    return f"{name} ({syntax})" if name else syntax or "unknown"
