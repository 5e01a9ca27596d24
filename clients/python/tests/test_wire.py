"""Frames and envelopes against bytes recorded from another implementation, and what is refused."""

import pytest

from loci._wire import envelopes, frames
from loci.errors import NotFoundError, StatusCode, UnknownError, error_for

SERVICE = "loci.Echo"


def request(stream, flags, *arguments, **options):
    data = envelopes.encode_request(SERVICE, *arguments, **options)
    return frames.encode(stream, frames.REQUEST, flags, data).hex()


def test_requests_are_the_recorded_bytes():
    unary = "000000170000000101000a096c6f63692e4563686f12044563686f1a040a026869"
    assert request(1, 0, "Echo", b"\x0a\x02hi") == unary
    empty = "000000110000000301000a096c6f63692e4563686f12044563686f"
    assert request(3, 0, "Echo", b"") == empty
    deadline = "0000001d0000000701000a096c6f63692e4563686f1205536c6565701a040a02686920d2ccd62f"
    assert request(7, 0, "Sleep", b"\x0a\x02hi", timeout_nanoseconds=99_984_978) == deadline
    bidirectional = "000000110000000b01020a096c6f63692e4563686f120442696469"
    assert request(11, frames.REMOTE_OPEN, "Bidi", b"") == bidirectional
    closing = frames.encode(11, frames.DATA, frames.REMOTE_CLOSED | frames.NO_DATA, b"")
    assert closing.hex() == "000000000000000b0305"


def test_metadata_is_one_pair_a_value_with_lower_case_keys():
    data = envelopes.encode_request("s", "m", b"", metadata=[("Key", "a"), ("key", "b")])
    assert data.endswith(bytes.fromhex("2a080a036b6579120161" + "2a080a036b6579120162"))


def test_a_recorded_error_is_read():
    answer = envelopes.decode_response(bytes.fromhex("0a0f080c120b6d6574686f64204e6f7065"))
    assert (answer.code, answer.message) == (StatusCode.UNIMPLEMENTED, "method Nope")
    assert envelopes.decode_response(b"").payload == b""


def test_every_truncation_is_refused_or_shorter():
    detail = bytes.fromhex("0a0a08051203616263" + "1a02") + b"\x0a\x00"
    whole = b"\x0a" + bytes([len(detail)]) + detail + b"\x12\x03xyz"
    complete = envelopes.decode_response(whole) if _reads(whole) else None
    for end in range(len(whole)):
        try:
            part = envelopes.decode_response(whole[:end])
        except ValueError:
            continue
        assert complete is None or part != complete


def _reads(data):
    try:
        envelopes.decode_response(data)
        return True
    except ValueError:
        return False


@pytest.mark.parametrize("data", [b"\x0b", b"\x12\x05ab", b"\x80" * 11, b"\x08\x01\x0a", b"\x10\x01"])
def test_malformed_answers_are_refused(data):
    with pytest.raises(ValueError):
        envelopes.decode_response(data)


def test_a_frame_has_a_limit():
    assert len(frames.encode(1, frames.DATA, 0, bytes(frames.DATA_BYTES_MAX))) == frames.DATA_BYTES_MAX + 10
    with pytest.raises(ValueError):
        frames.encode(1, frames.DATA, 0, bytes(frames.DATA_BYTES_MAX + 1))


def test_codes_have_classes():
    assert isinstance(error_for(5, "gone"), NotFoundError)
    assert isinstance(error_for(99, "new"), UnknownError)
    assert str(error_for(5, "gone")) == "NOT_FOUND: gone"
