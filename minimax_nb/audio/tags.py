"""The tags of an mp3 (ID3v2) that a song handed in carries: whose it is, what it is called, what is sung.

The layout is that of https://id3.org/id3v2.4.0-structure and -frames; 2.3, which others write, is read as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = 10
_MOST = 1 << 20
_UTF8 = b"\x03"
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


@dataclass(frozen=True)
class Tags:
    """What a file says of itself; empty where it says nothing.

    Attributes
    ----------
    name : str
        Whose song it is.
    title : str
    words : str
        The lyrics.
    """

    name: str = ""
    title: str = ""
    words: str = ""


def tagged(mp3: bytes, tags: Tags) -> bytes:
    """Return the file with these tags at its start, in place of those that were there."""
    frames = b"".join(
        _frame(name, prefix + text.encode())
        for name, prefix, text in (
            (b"TPE1", _UTF8, tags.name),
            (b"TIT2", _UTF8, tags.title),
            (b"USLT", _UTF8 + b"und\x00", tags.words),
        )
        if text
    )
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames + mp3[_size(mp3) :]


def read_tags(mp3: bytes) -> Tags:
    """Return what the start of a file says; a tag that makes no sense says nothing."""
    found: dict[bytes, str] = {}
    for name, content in _frames(mp3[: min(_size(mp3), _MOST)]):
        if name in (b"TPE1", b"TIT2") and name not in found:
            found[name] = _text(content[:1], content[1:])
        elif name == b"USLT" and name not in found:
            # A language of three letters and a description stand before the words.
            found[name] = _text(content[:1], content[4:], skip=1)
    return Tags(found.get(b"TPE1", ""), found.get(b"TIT2", ""), found.get(b"USLT", ""))


def _frame(name: bytes, content: bytes) -> bytes:
    return name + _synchsafe(len(content)) + b"\x00\x00" + content


def _synchsafe(number: int) -> bytes:
    """Seven bits in each byte, so that no part of a tag looks like audio."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _number(four: bytes, bits: int) -> int:
    return sum(byte << bits * place for place, byte in enumerate(reversed(four)))


def _size(mp3: bytes) -> int:
    """How many bytes the tags at the start take."""
    if mp3[:3] != b"ID3" or len(mp3) < _HEADER:
        return 0
    footer = _HEADER if mp3[5] & 0x10 else 0
    return _HEADER + _number(mp3[6:10], 7) + footer


def _frames(tag: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, bits = _HEADER, 7 if tag[3:4] == b"\x04" else 8
    while at + _HEADER < len(tag) and tag[at]:
        size = _number(tag[at + 4 : at + 8], bits)
        yield tag[at : at + 4], tag[at + _HEADER : at + _HEADER + size]
        at += _HEADER + size


def _text(encoding: bytes, content: bytes, *, skip: int = 0) -> str:
    name = _ENCODINGS.get(encoding[0] if encoding else -1, "")
    if not name:
        return ""
    parts = content.decode(name, errors="replace").split("\x00")
    return parts[skip].lstrip("\ufeff").strip() if len(parts) > skip else ""
