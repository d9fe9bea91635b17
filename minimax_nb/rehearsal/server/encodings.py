"""Bodies compressed without being requested: gzip, deflate, br, zstd, and a gzip bomb."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Mapping

BOMB_BYTES = 1 << 30
"""What the bomb unpacks to."""

_BLOCK = 1 << 16


def _brotli(body: bytes) -> bytes:
    """Store a body as brotli (RFC 7932, 9.2), uncompressed: a reader cannot tell, and no package is needed."""
    stream = bytearray()
    for start in range(0, len(body), _BLOCK):
        block = body[start : start + _BLOCK]
        # The first header has one bit more in front, for the window.
        header = ((len(block) - 1) << 3 | 1 << 19) << (start == 0)
        stream += header.to_bytes(3, "little") + block
    return bytes(stream) + (b"\x03" if body else b"\x06")


def _zstd(body: bytes) -> bytes:
    """Store a body as zstd (RFC 8878, 3.1.1), in raw blocks."""
    blocks = [body[start : start + _BLOCK] for start in range(0, len(body), _BLOCK)] or [b""]
    stream = bytearray(b"\x28\xb5\x2f\xfd\x00\x58")
    for number, block in enumerate(blocks, 1):
        stream += struct.pack("<I", len(block) << 3 | (number == len(blocks)))[:3] + block
    return bytes(stream)


def _bomb(body: bytes) -> bytes:
    """The body, and so much whitespace behind it that it fills a memory: gzip members can be joined."""
    member = gzip.compress(b" " * (BOMB_BYTES // 64))
    return gzip.compress(body) + member * 64


ENCODINGS: Mapping[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "br": ("br", _brotli),
    "zstd": ("zstd", _zstd),
    "gzip_bomb": ("gzip", _bomb),
}
"""By the name of the fault: what `Content-Encoding` says, and how the body is encoded."""
