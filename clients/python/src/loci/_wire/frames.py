"""Frames: `u32 data length | u32 stream id | u8 type | u8 flags | data`, big-endian."""

from __future__ import annotations

import struct
from typing import NamedTuple

HEADER = struct.Struct(">IIBB")
DATA_BYTES_MAX = 4 << 20

REQUEST, RESPONSE, DATA = 1, 2, 3

REMOTE_CLOSED, REMOTE_OPEN, NO_DATA = 0x01, 0x02, 0x04


class Header(NamedTuple):
    length: int
    stream: int
    type: int
    flags: int


def encode(stream: int, type: int, flags: int, data: bytes) -> bytes:
    """A whole frame.

    Raises ValueError when `data` is longer than a frame may be.
    """
    if len(data) > DATA_BYTES_MAX:
        raise ValueError(f"a frame carries at most {DATA_BYTES_MAX} bytes, not {len(data)}")
    return HEADER.pack(len(data), stream, type, flags) + data


def decode_header(data: bytes) -> Header:
    return Header(*HEADER.unpack(data))
