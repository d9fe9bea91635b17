"""What kind of file it is, by its content: audio that can be decoded, or something else, named so that one knows."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .mpeg import Buffer, Stream, find_frames


class NotAudio(Exception):
    """The bytes are not audio that can be decoded here.

    Parameters
    ----------
    what : str
        What they are instead, such as ``"a web page, not audio"``.
    do : str
        What to do about it.
    known : bool
        Whether it is known what they are.
    lacking : bool
        Whether what could decode them is not installed.
    """

    def __init__(self, what: str, do: str = "", *, known: bool = True, lacking: bool = False) -> None:
        self.what, self.do, self.known, self.lacking = what, do, known, lacking
        super().__init__(what)


class _Row(NamedTuple):
    name: str
    suffix: str
    demuxer: str
    """FFmpeg's name for it."""
    magic: str
    """A regular expression for the first bytes."""


# By the documents of each format; the first that fits counts.
_AUDIO = tuple(
    (row, re.compile(row.magic.encode("latin-1"), re.DOTALL))
    for row in (
        _Row("WAV", ".wav", "wav", r"(?:RIFF|RIFX|RF64|BW64)....WAVE"),
        _Row("W64", ".w64", "w64", r"riff\x2e\x91\xcf\x11"),
        _Row("FLAC", ".flac", "flac", r"fLaC"),
        _Row("OPUS", ".opus", "ogg", r"OggS.{22,60}OpusHead"),
        _Row("OGG", ".ogg", "ogg", r"OggS"),
        _Row("AIFF", ".aiff", "aiff", r"FORM....AIF[FC]"),
        _Row("AU", ".au", "au", r"\.snd"),
        _Row("CAF", ".caf", "caf", r"caff"),
        _Row("MOV", ".mov", "mov", r"....ftypqt  "),
        _Row("3GP", ".3gp", "mov", r"....ftyp3g"),
        _Row("M4A", ".m4a", "mov", r"....ftypM4[AB]"),
        _Row("MP4", ".mp4", "mov", r"....ftyp|....(?:moov|mdat|wide|pnot)|\x00...(?:free|skip)"),
        _Row("WEBM", ".webm", "matroska", r"\x1a\x45\xdf\xa3.{0,40}webm"),
        _Row("MKA", ".mka", "matroska", r"\x1a\x45\xdf\xa3"),
        _Row("WMA", ".wma", "asf", r"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
        _Row("WV", ".wv", "wv", r"wvpk"),
        _Row("TTA", ".tta", "tta", r"TTA1"),
        _Row("APE", ".ape", "ape", r"MAC "),
        _Row("MPC", ".mpc", "mpc8", r"MPCK"),
        _Row("MPC", ".mpc", "mpc", r"MP\+"),
        _Row("TAK", ".tak", "tak", r"tBaK"),
        _Row("DSF", ".dsf", "dsf", r"DSD "),
        _Row("VOC", ".voc", "voc", r"Creative Voice File"),
        _Row("AVI", ".avi", "avi", r"RIFF....AVI "),
        _Row("FLV", ".flv", "flv", r"FLV\x01"),
        _Row("RM", ".rm", "rm", r"\.RMF"),
        _Row("MPG", ".mpg", "mpeg", r"\x00\x00\x01\xba"),
        _Row("TS", ".ts", "mpegts", r"(?:G.{187}){3}G"),
        _Row("TS", ".m2ts", "mpegts", r"....(?:G.{191}){3}G"),
        _Row("AMR", ".amr", "amr", r"#!AMR"),
        _Row("AC3", ".ac3", "ac3", r"\x0b\x77...[\x00-\x57]"),
        _Row("EAC3", ".eac3", "eac3", r"\x0b\x77...[\x58-\x87]"),
        _Row("DTS", ".dts", "dts", r"\x7f\xfe\x80\x01"),
        _Row("AAC", ".aac", "aac", r"ADIF"),
    )
)

_EXPORT = "Export it as mp3 or wav from the program that made it."
_UNPROTECTED = "Programs other than the seller's cannot open it: use a copy without protection."
_AGAIN = "Copy or download it again."

# What people have instead, by its first bytes, and what helps.
_OTHER = tuple(
    (re.compile(magic.encode("latin-1"), re.DOTALL), what, do)
    for magic, what, do in (
        (r"....ftypM4P|....ftypaax|....\x57\x90\x75\x36", "a copy-protected purchase", _UNPROTECTED),
        (r"CTENFDAM|QTag|\x87\x63\x80\xb7", "a copy-protected download of a music service", _UNPROTECTED),
        (r"Salted__|age-encryption|-----BEGIN (?:PGP|AGE)", "an encrypted file", "Decrypt it first."),
        (
            r"version https?://git-lfs",
            "a Git LFS pointer, not the file itself",
            "Run `git lfs pull` to get the file.",
        ),
        (
            r"(?i:#EXTM3U|\[playlist\]|(?:<\?xml[^>]*>\s*)?<(?:\?wpl|playlist|smil|asx))|[^\0\n<{]+\.(?:mp3|m4a|flac)\r?\n",
            "a playlist, which only names files",
            "Give one of the files that it names.",
        ),
        (
            r"(?:REM|PERFORMER|TITLE|CATALOG|FILE) [^\0]*INDEX \d\d \d",
            "a cue sheet, which only names a file",
            "Give the file that it names.",
        ),
        (r"\[InternetShortcut\]", "a shortcut to a web page", "Open the link and download the file itself."),
        (r"\x4c\x00\x00\x00\x01\x14\x02\x00", "a shortcut to a file", "Give the file itself."),
        (r"MThd|RIFF....RMID", "a midi file, which holds notes and no sound", _EXPORT),
        (r"RIFF....sfbk", "a sound font, which holds instruments and no song", _EXPORT),
        (r"Extended Module: |IMPM|.{44}SCRM|.{1080}M[.!]K[.!]", "a tracker module, which holds notes", _EXPORT),
        (r"PK\x03\x04|PK\x05\x06", "a zip archive", "Unpack it and give the audio file in it."),
        (
            r"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|.{257}ustar",
            "an archive",
            "Unpack it and give the audio file in it.",
        ),
        (r"%PDF", "a PDF", "Pick an audio file."),
        (r"{\\rtf|\xd0\xcf\x11\xe0", "a document", "Pick an audio file."),
        (
            r"\x89PNG|\xff\xd8\xff|GIF8|BM....\x00\x00|RIFF....WEBP|II\*\x00|MM\x00\*|8BPS|....ftyp(?:hei|avi|m[is]f1)",
            "a picture",
            "Pick an audio file.",
        ),
        (r"SQLite format 3", "a project or a database, such as Audacity's", _EXPORT),
        (
            r"\x00\x05\x16\x07",
            "a helper file of macOS beside the real one",
            "Pick the file without `._` in its name.",
        ),
        (r"bplist00", "a placeholder or settings of macOS", "Download the file itself first."),
        (r"MZ|\x7fELF", "a program", "Pick an audio file."),
        (
            r"d\d+:(?:announce|comment|created by|creation date|info)|magnet:\?",
            "a torrent, which only names files",
            "Give the file that it fetches.",
        ),
    )
)

_TEXTS = (
    (re.compile(rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype html|html|head|body|script|title)", re.I | re.S),
     "a web page", "Open the link in a browser and save the audio file itself."),
    (re.compile(rb"""\s*(?:\{\s*["}]|\[\s*(?:[\[{"\]]|-?\d+\s*[,\]]))"""),
     "JSON text", "Download the audio file itself."),
    (re.compile(rb"\s*<"), "XML text", "Pick the audio file itself."),
)  # fmt: skip

_HTTP_HEAD = re.compile(rb"HTTP/\d[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n")
_TEXT_BYTES = bytes({7, 8, 9, 10, 12, 13, 27} | set(range(0x20, 0x7F)))
_HEAD = 4096


class _Framing(NamedTuple):
    suffix: str
    demuxer: str
    sync: re.Pattern[bytes]
    """How a frame begins."""
    size: Callable[[bytes], int]
    """How long it is, in bytes, by its beginning."""


_FRAMINGS = (
    _Framing(
        ".aac",
        "aac",
        re.compile(rb"\xff[\xf0\xf1\xf8\xf9]....", re.DOTALL),
        lambda head: max((head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5, 7),
    ),
    _Framing(
        ".latm",
        "loas",
        re.compile(rb"\x56[\xe0-\xff].", re.DOTALL),
        lambda head: ((head[1] & 0x1F) << 8 | head[2]) + 3,
    ),
)
"""AAC in frames: ADTS and LOAS (ISO/IEC 14496-3)."""

_LATER = re.compile(rb"OggS\x00\x02|fLaC\x00\x00\x00\x22|RIFF....WAVE|(?:G.{187}){4}G", re.DOTALL)
"""What is searched for behind something else, as a recording from the air begins anywhere."""

_SEARCHED = 1 << 16

# The objects "content encryption" and "extended content encryption" of ASF.
_ENCRYPTED_ASF = (
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
)


@dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes
    ----------
    name : str
        Such as ``"MP3"`` or ``"M4A"``.
    suffix : str
        The ending that belongs to it, such as ``".mp3"``.
    demuxer : str
        FFmpeg's name for it.
    start : int
        Where it begins, behind tags and the like, in bytes.
    stream : Stream or None
        The frames of MPEG audio.
    cut : bool
        Whether the mark of its end is missing, in a format that has one.
    whole : float
        How large it says that it is, compared to how large it is; 0 when it does not.
    """

    name: str
    suffix: str
    demuxer: str
    start: int = 0
    stream: Stream | None = None
    cut: bool = False
    whole: float = 0.0

    @property
    def words(self) -> str:
        """With its article, such as ``"an m4a file"``."""
        an = self.name[0] in "AEFMOR" and self.name not in ("FLAC", "MOV")
        return f"a{'n' * an} {self.name.lower()} file"


def identify(data: Buffer) -> Kind:
    """Say what audio a file holds, by its content alone.

    Raises
    ------
    NotAudio
        When it is something else, which the error names.
    """
    start = _skip(data)
    head = data[start : start + _HEAD]
    _refuse(head, _OTHER)
    if found := _by_magic(data, start):
        return found
    for framing in _FRAMINGS:
        for frame in framing.sync.finditer(data, start, start + _SEARCHED):
            if _is_framed(data, frame.start(), framing):
                return Kind("AAC", framing.suffix, framing.demuxer, frame.start())
    stream = find_frames(data, start)
    if stream:
        return Kind("MP3" if stream.runs[0].layer == 3 else "MP2", ".mp3", "mp3", start, stream)
    later = _LATER.search(data, start, start + _SEARCHED)
    if later and (found := _by_magic(data, later.start())):
        return found
    if not head.strip(b"\0"):
        raise NotAudio("empty but for zeros: its content is lost", _AGAIN)
    head = head.decode("utf-16", "ignore").encode() if head.startswith((b"\xff\xfe", b"\xfe\xff")) else head
    _refuse(head, _TEXTS)
    if _is_text(head):
        raise NotAudio("text, not audio", "Pick the audio file itself.")
    raise NotAudio(
        "not a kind of audio that is known: it may be damaged or encrypted",
        "See whether a player plays it, and export it as mp3 or wav from there.",
        known=False,
    )


def _by_magic(data: Buffer, start: int) -> Kind | None:
    """What begins here, by its first bytes."""
    head = data[start : start + _HEAD]
    for row, magic in _AUDIO:
        if magic.match(head):
            _refuse_protected(data, row)
            cut, whole = row.demuxer == "ogg" and _lacks_end(data), _said_size(head) / (len(data) - start)
            return Kind(row.name, row.suffix, row.demuxer, start, cut=cut, whole=whole)
    return None


def _said_size(head: bytes) -> int:
    """How many bytes a file says that it has; 0 when it does not."""
    if head.startswith(b"riff"):
        size = int.from_bytes(head[16:24], "little")
    elif head.startswith((b"FORM", b"RIFX")):
        size = int.from_bytes(head[4:8]) + 8
    elif head.startswith(b".snd"):
        size = int.from_bytes(head[4:8]) + int.from_bytes(head[8:12])
    elif head.startswith(b"caff") and (at := head.find(b"data")) > 0:
        size = int.from_bytes(head[at + 4 : at + 12]) + at + 12
    else:
        return 0
    return size if size < _STREAMED else 0


_STREAMED = 0x7FFF0000  # from here on a size is none: it was not known


def _is_text(head: bytes) -> bool:
    """Whether bytes are text, in UTF-8 or mostly of ASCII."""
    high = head.translate(None, _TEXT_BYTES)
    utf8 = len(head) - len(head.decode(errors="ignore").encode()) <= _CUT
    return min(high, default=0x80) >= 0x80 and (utf8 or len(high) < len(head) / 2) and high != head


_CUT = 3  # bytes, of the last character


def _refuse(head: bytes, rows: tuple[tuple[re.Pattern[bytes], str, str], ...]) -> None:
    for magic, what, do in rows:
        if magic.match(head):
            raise NotAudio(f"{what}, not audio" if "," not in what else what, do)


def _refuse_protected(data: Buffer, row: _Row) -> None:
    """Refuse what only its seller's programs can decode; the rest of such a file looks like any other."""
    mov, asf = row.demuxer == "mov", row.demuxer == "asf"
    at = data.find(b"stsd") if mov else 0
    described = data[at : at + 64] if mov and at >= 0 else data[: 1 << 16] if asf else b""
    if any(mark in described for mark in (_ENCRYPTED_ASF if asf else (b"enca", b"drms"))):
        raise NotAudio(f"a copy-protected {row.name.lower()} file", _UNPROTECTED)


def _skip(data: Buffer) -> int:
    """Where the content begins: behind ID3v2 tags, zeros, and the head of an HTTP response."""
    at = 0
    while True:
        head = data[at : at + 10]
        if head.startswith(b"ID3") and len(head) == 10 and not any(byte & 0x80 for byte in head[6:]):
            size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
            after = at + 10 + size + 10 * bool(head[5] & 0x10)
            # A tag whose size is wrong is searched through, as a player does.
            if after >= len(data):
                return at + 10
            at = after
        elif head.startswith(codecs.BOM_UTF8):
            at += len(codecs.BOM_UTF8)
        elif head.startswith(b"HTTP/") and (found := _HTTP_HEAD.match(data[at : at + (1 << 14)])):
            at += found.end()
        elif head[:4] == bytes(4) and (found := _SOMETHING.search(data, at)):
            at = found.start()
        else:
            return at


_SOMETHING = re.compile(rb"[^\0]")


def _lacks_end(data: Buffer) -> bool:
    """Whether the last page of an ogg file is cut off, or is not marked as the last one (RFC 3533)."""
    at = data.rfind(b"OggS\0")
    head = data[at : at + _OGG_HEAD]
    if len(head) < _OGG_HEAD or not head[5] & _OGG_LAST:
        return True
    sizes = data[at + _OGG_HEAD : at + _OGG_HEAD + head[-1]]
    return len(sizes) < head[-1] or at + _OGG_HEAD + len(sizes) + sum(sizes) > len(data)


_OGG_HEAD, _OGG_LAST = 27, 4


def _is_framed(data: Buffer, at: int, framing: _Framing) -> bool:
    """Whether frames of AAC that begin so follow each other from here on."""
    for _ in range(4):
        found = framing.sync.match(data, at)
        if not found:
            return False
        at += framing.size(found[0])
        if at == len(data):
            return True
    return True
