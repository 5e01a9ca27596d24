"""The envelopes inside Request and Response frames, read and written by hand: eight fields need no schema."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from loci.errors import Detail

Metadata = Sequence[Tuple[str, str]]
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Response(NamedTuple):
    code: int
    message: str
    details: List[Detail]
    payload: bytes


def encode_request(
    service: str, method: str, payload: bytes, timeout_nanoseconds: int = 0, metadata: Metadata = ()
) -> bytes:
    """`Request {service = 1, method = 2, payload = 3, timeout_nano = 4, metadata = 5}`."""
    out = bytearray()
    _put_bytes(out, 1, service.encode())
    _put_bytes(out, 2, method.encode())
    if payload:
        _put_bytes(out, 3, payload)
    if timeout_nanoseconds > 0:
        out.append(4 << 3 | _VARINT)
        _put_varint(out, timeout_nanoseconds)
    for key, value in metadata:
        pair = bytearray()
        _put_bytes(pair, 1, key.lower().encode())
        _put_bytes(pair, 2, value.encode())
        _put_bytes(out, 5, pair)
    return bytes(out)


def decode_response(data: bytes) -> Response:
    """`Response {status = 1 {code = 1, message = 2, details = 3 {type_url = 1, value = 2}}, payload = 2}`.

    Raises ValueError when `data` is not one.
    """
    code, message, details, payload = 0, "", [], b""
    for field, value in _fields(data):
        if field == 2:
            payload = _as_bytes(value)
        elif field == 1:
            for part, inner in _fields(_as_bytes(value)):
                if part == 1 and isinstance(inner, int):
                    code = inner
                elif part == 2:
                    message = _as_bytes(inner).decode("utf-8", "replace")
                elif part == 3:
                    details.append(_decode_detail(_as_bytes(inner)))
    return Response(code, message, details, payload)


def _decode_detail(data: bytes) -> Detail:
    type_url, content = "", b""
    for field, value in _fields(data):
        if field == 1:
            type_url = _as_bytes(value).decode("utf-8", "replace")
        elif field == 2:
            content = _as_bytes(value)
    return Detail(type_url, content)


def _put_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _put_bytes(out: bytearray, field: int, value: Union[bytes, bytearray]) -> None:
    out.append(field << 3 | _BYTES)
    _put_varint(out, len(value))
    out += value


def _fields(data: bytes) -> Iterator[Tuple[int, Union[int, bytes]]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: Optional[Union[int, bytes]]
        if kind == _VARINT:
            value, at = _varint(data, at)
        elif kind in (_BYTES, _FIXED64, _FIXED32):
            length, at = _varint(data, at) if kind == _BYTES else (8 if kind == _FIXED64 else 4, at)
            if length > len(data) - at:
                raise ValueError("a field is longer than its message")
            value, at = data[at : at + length], at + length
        else:
            raise ValueError(f"unknown wire type {kind}")
        yield key >> 3, value


def _varint(data: bytes, at: int) -> Tuple[int, int]:
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("a number has more than ten bytes")


def _as_bytes(value: Union[int, bytes]) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes belong")
    return value
