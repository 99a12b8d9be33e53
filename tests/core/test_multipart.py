"""The multipart parser: the table of variants M1-M36 of the network page, at every chunk size."""

from __future__ import annotations

import gzip
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_core import NetworkError
from dicomlogic_core.http_multipart import Part, Splitter, split

RELATED = 'multipart/related; type="application/octet-stream"; boundary=b'
PAYLOAD = b"\x00\x01\r\n\r\n--\xff\n"  # M23: holds what looks like the end of headers; M24: ends with a line end


def streamed(body: bytes, content_type: str, size: int, expected: int | None, length_known: bool) -> list[Part]:
    splitter = Splitter(content_type)
    parts = []
    for start in range(0, len(body), size):
        parts += splitter.feed(body[start : start + size])
    return [*parts, *splitter.finish(length_known=length_known, expected=expected)]


def every_way(
    body: bytes, content_type: str, expected: int | None = None, length_known: bool = False
) -> list[tuple[bytes, str, str, str]]:
    """The parts, after checking that they are the same whole and in chunks of every size."""

    def seen(parts: list[Part]) -> list[tuple[bytes, str, str, str]]:
        return [(bytes(part.data), part.media_type, part.transfer_syntax, part.location) for part in parts]

    whole = seen(split(body, content_type, length_known=length_known, expected=expected))
    for size in range(1, len(body) + 1):
        assert seen(streamed(body, content_type, size, expected, length_known)) == whole, f"chunks of {size}"
    return whole


def payloads(body: bytes, content_type: str, expected: int | None = None, length_known: bool = False) -> list[bytes]:
    return [part[0] for part in every_way(body, content_type, expected, length_known)]


def fails(body: bytes, content_type: str, expected: int | None = None, length_known: bool = False) -> str:
    """The code of the error, the same whole and in chunks of every size."""
    codes = set()
    for size in (0, *range(1, len(body) + 1)):
        with pytest.raises(NetworkError) as caught:
            if size:
                streamed(body, content_type, size, expected, length_known)
            else:
                split(body, content_type, length_known=length_known, expected=expected)
        codes.add(caught.value.code)
    assert len(codes) == 1
    return codes.pop()


def part(payload: bytes, *headers: str, mark: str = "b", line: bytes = b"\r\n") -> bytes:
    head = line.join(header.encode() for header in headers)
    return b"--" + mark.encode() + line + (head + line if headers else b"") + line + payload + line


def body_of(*payloads_: bytes, mark: str = "b", headers: tuple[str, ...] = ("Content-Type: image/jls",)) -> bytes:
    return b"".join(part(payload, *headers, mark=mark) for payload in payloads_) + f"--{mark}--\r\n".encode()


@pytest.mark.parametrize(
    ("content_type", "mark"),
    [
        pytest.param(
            'multipart/related; type="application/octet-stream; transfer-syntax=1.2"; boundary=x', "x", id="M1"
        ),
        pytest.param('multipart/related; boundary="x"', "x", id="M2"),
        pytest.param("multipart/related; boundary=x; type=image/jls", "x", id="M3"),
        pytest.param('multipart/related; boundary=x; type="image/jls"', "x", id="M4"),
        pytest.param('multipart/related; boundary="a=b:c/d"', "a=b:c/d", id="M5-quoted"),
        pytest.param("multipart/related; boundary=a=b:c/d", "a=b:c/d", id="M5"),
        pytest.param("Multipart/Related; Boundary=x", "x", id="M33-type"),
        pytest.param('multipart/related;boundary="x";type="a/b"', "x", id="no blanks"),
        pytest.param(r'multipart/related; boundary="x\"y"', 'x"y', id="escaped quote"),
    ],
)
def test_the_boundary_comes_out_of_the_content_type(content_type: str, mark: str) -> None:
    assert payloads(body_of(PAYLOAD, b"two", mark=mark), content_type) == [PAYLOAD, b"two"]


def test_m6_without_a_boundary_the_first_line_is_one() -> None:
    assert payloads(body_of(PAYLOAD, b"two", mark="static"), "multipart/related") == [PAYLOAD, b"two"]


def test_m7_without_a_boundary_a_bare_frame_is_one_part() -> None:
    found = every_way(b"\x01--x\r\n", 'multipart/related; type="image/jls; transfer-syntax=1.2.3"')
    assert found == [(b"\x01--x\r\n", "image/jls", "1.2.3", "")]


@pytest.mark.parametrize(
    ("content_type", "media_type", "syntax"),
    [
        pytest.param("application/octet-stream", "application/octet-stream", "", id="M8"),
        pytest.param("image/jp2", "image/jp2", "", id="M9"),
        pytest.param("application/dicom; transfer-syntax=1.2.840", "application/dicom", "1.2.840", id="M10"),
        pytest.param('application/dicom; transfer-syntax="1.2.840"', "application/dicom", "1.2.840", id="M10-quoted"),
        pytest.param("application/dicom;transfer-syntax=*", "application/dicom", "", id="M27"),
    ],
)
def test_a_single_part_is_taken_as_it_is(content_type: str, media_type: str, syntax: str) -> None:
    body = b"--b\r\n\r\nnot a part\r\n--b--"
    assert every_way(body, content_type) == [(body, media_type, syntax, "")]


def test_m11_without_a_content_type_the_body_decides() -> None:
    assert payloads(body_of(PAYLOAD), "") == [PAYLOAD]
    assert payloads(b"\x2d\x2c frame", "") == [b"\x2d\x2c frame"]
    assert payloads(b"--", "") == [b"--"]


def test_m12_text_before_the_first_delimiter_is_ignored() -> None:
    assert payloads(b"This is --b no delimiter\r\n" + body_of(PAYLOAD), RELATED) == [PAYLOAD]


def test_m13_line_feeds_alone_separate_too() -> None:
    body = part(b"one\r", "Content-Type: image/jls", line=b"\n") + part(b"two", line=b"\n") + b"--b--\n"
    assert payloads(body, RELATED) == [b"one\r", b"two"]


def test_m14_a_part_may_have_no_headers() -> None:
    assert payloads(part(PAYLOAD) + b"--b--", RELATED) == [PAYLOAD]
    assert payloads(b"--b\r\n\x80\x81\x82\r\n--b--", RELATED) == [b"\x80\x81\x82"]


def test_m15_an_empty_part_stays_a_part() -> None:
    assert payloads(body_of(b"", b"two"), RELATED) == [b"", b"two"]
    assert payloads(b"--b\r\nContent-Type: image/jls\r\n\r\n--b--", RELATED) == [b""]


def test_m16_m30_what_follows_the_closing_delimiter_does_not_matter() -> None:
    for tail in (b"", b"\r\n", b"\r\nepilogue\r\n--b\r\n\r\nno part\r\n--b--", b" "):
        assert payloads(part(PAYLOAD) + b"--b--" + tail, RELATED) == [PAYLOAD]


def test_m17_a_bare_last_delimiter_passes_only_with_the_length_and_the_number_asked() -> None:
    body = part(PAYLOAD) + b"--b"
    assert payloads(body, RELATED, expected=1, length_known=True) == [PAYLOAD]
    assert payloads(body + b"\r\n", RELATED, expected=1, length_known=True) == [PAYLOAD]
    assert fails(body, RELATED, expected=1, length_known=False) == "network.truncated"
    assert fails(body, RELATED, expected=2, length_known=True) == "network.truncated"
    assert fails(body, RELATED, expected=None, length_known=True) == "network.truncated"


def test_m18_blanks_after_a_delimiter_belong_to_it() -> None:
    assert payloads(b"--b \t\r\n\r\none\r\n--b\t\r\n\r\ntwo\r\n--b--  \r\n", RELATED) == [b"one", b"two"]


def test_m19_no_parts_are_an_error_when_some_were_asked_for() -> None:
    assert payloads(b"--b--\r\n", RELATED) == []
    assert fails(b"--b--\r\n", RELATED, expected=1) == "network.parts"


def test_m20_a_right_content_length_protects_a_payload_that_holds_the_delimiter() -> None:
    payload = b"x\r\n--b\r\nContent-Type: image/jls\r\n\r\ny\r\n--b--"
    body = part(payload, f"Content-Length: {len(payload)}") + b"--b--"
    assert payloads(body, RELATED) == [payload]


@pytest.mark.parametrize("cut", range(1, 60))
def test_m21_m22_a_body_cut_anywhere_is_an_error(cut: int) -> None:
    body = body_of(PAYLOAD, b"the second part is longer than the first")
    shorter = body[: -len(b"--\r\n") - cut + 1]
    assert fails(shorter, RELATED) == "network.truncated"


def test_m26_parameters_of_a_part_need_no_blank() -> None:
    body = part(b"x", 'Content-Type: image/jls;transfer-syntax="1.2.3"', "Content-Location: /frames/7") + b"--b--"
    assert every_way(body, RELATED) == [(b"x", "image/jls", "1.2.3", "/frames/7")]


@pytest.mark.parametrize("length", ["2", "400", "99999999999999999999999", "-1", "ten", "", "1e3", "\u0663", "0"])
def test_m31_a_wrong_content_length_is_searched_past(length: str) -> None:
    body = part(b"payload", f"Content-Length: {length}") + part(b"two") + b"--b--"
    assert payloads(body, RELATED) == [b"payload", b"two"]


def test_m32_a_delimiter_is_a_whole_line() -> None:
    payload = b"x\r\n--boun\r\ny\r\n--boundaryX\r\nz\r\n--boundary-\r\n--boundary x"
    body = part(payload, mark="boundary") + b"--boundary--"
    assert payloads(body, "multipart/related; boundary=boundary") == [payload]


def test_m33_headers_in_any_case_and_folded() -> None:
    body = part(b"x", "CONTENT-TYPE: Image/JLS;", "\ttransfer-syntax=1.2.3", "content-LENGTH:1") + b"--b--"
    assert every_way(body, RELATED) == [(b"x", "image/jls", "1.2.3", "")]


def test_m36_another_number_of_parts_than_asked_is_an_error() -> None:
    assert fails(body_of(b"1", b"2"), RELATED, expected=3) == "network.parts"
    assert fails(body_of(b"1", b"2"), RELATED, expected=1) == "network.parts"


def test_a_part_above_the_limit_is_refused_before_it_is_complete() -> None:
    splitter = Splitter(RELATED, part_limit=1000)
    with pytest.raises(NetworkError) as caught:
        list(splitter.feed(b"--b\r\n\r\n" + b"x" * 20_000))
    assert caught.value.code == "network.too-large"


def test_parts_keep_their_bytes_while_more_arrives() -> None:
    body = body_of(*(bytes([number]) * 1000 for number in range(50)))
    splitter = Splitter(RELATED)
    kept = [one for start in range(0, len(body), 1700) for one in splitter.feed(body[start : start + 1700])]
    assert [bytes(one.data) for one in kept] == [bytes([number]) * 1000 for number in range(50)]


def test_parts_of_a_whole_body_are_views_of_it() -> None:
    body = body_of(PAYLOAD)
    assert split(body, RELATED)[0].data.obj is body


@given(
    st.lists(st.binary(max_size=40), max_size=4),
    st.integers(1, 80),
    st.text("0123456789abcXYZ'()+_,-./:=?", min_size=1, max_size=70),
)
def test_any_payloads_survive_any_chunks(contents: list[bytes], size: int, mark: str) -> None:
    body = (
        b"".join(part(content, f"Content-Length: {len(content)}", mark=mark) for content in contents)
        + f"--{mark}--".encode()
    )
    found = streamed(body, f'multipart/related; boundary="{mark}"', size, len(contents), False)
    assert [bytes(one.data) for one in found] == contents


@given(st.binary(max_size=300), st.sampled_from([RELATED, "", "multipart/related", "multipart/mixed; boundary=--"]))
def test_any_bytes_give_parts_or_one_typed_error(body: bytes, content_type: str) -> None:
    try:
        assert all(isinstance(one.data, memoryview) for one in split(body, content_type))
    except NetworkError as error:
        assert error.code in {"network.truncated", "network.parts"}


def test_the_standard_library_reads_the_same_parts() -> None:
    message = EmailMessage()
    message["Content-Type"] = "multipart/related; boundary=b"
    for number in range(3):
        inner = EmailMessage()
        inner.set_content(bytes(range(number, 200)), "image", "jls", cte="base64")
        message.attach(inner)
    text = message.as_bytes()
    head, _, body = text.partition(b"\n\n")
    found = split(body, head.partition(b":")[2].decode().strip().splitlines()[0])
    assert len(found) == 3 and all(one.media_type == "image/jls" for one in found)


def test_gzip_is_not_the_parsers_business() -> None:
    with pytest.raises(NetworkError):
        split(gzip.compress(body_of(PAYLOAD)), RELATED)
