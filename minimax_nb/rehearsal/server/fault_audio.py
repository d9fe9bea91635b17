"""Finished songs in other forms than the one the link's ending promises, each made from the song itself."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from typing import Any

_BITRATES = {  # kbit/s of layer III, MPEG-1 and MPEG-2, by the four bits of the header
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000)}


def as_wav(audio: bytes) -> bytes:
    """The song as a wav file of 16 bits."""
    return _encoded(audio, format="WAV", subtype="PCM_16")


def as_flac(audio: bytes) -> bytes:
    """The song as a flac file."""
    return _encoded(audio, format="FLAC", subtype="PCM_16")


def as_m4a(audio: bytes) -> bytes:
    """An m4a file by its boxes: brand, length, data. Its data is no AAC, as nothing here could encode it."""
    samples, rate = _decoded(audio)
    header = struct.pack(">IIIII", 0, 0, 0, rate, len(samples)) + bytes(80)
    return _box(b"ftyp", b"M4A \0\0\2\0M4A mp42isom") + _box(b"moov", _box(b"mvhd", header)) + _box(b"mdat", audio)


def as_unknown(audio: bytes) -> bytes:
    """Audio of a kind that no decoder here knows (SILK by its head)."""
    return b"#!SILK_V3" + bytes(byte ^ 0xA5 for byte in audio)


def with_tags(audio: bytes) -> bytes:
    """The song with an ID3v2 tag that holds a cover of 300 KB in front, and an ID3v1 tag behind."""
    picture = b"\0image/png\0\3\0" + b"\x89PNG\r\n\x1a\n" + bytes(300_000)
    frame = b"APIC" + _synchsafe(len(picture)) + b"\0\0" + picture
    return b"ID3\4\0\0" + _synchsafe(len(frame)) + frame + audio + b"TAG" + b"A song".ljust(124, b"\0") + b"\xff"


def without_header(audio: bytes) -> bytes:
    """The same frames without the Xing or Info frame in front, as an encoder writes them to a pipe."""
    start = _after_tag(audio)
    length = frame_length(audio[start : start + 4])
    is_header = any(mark in audio[start : start + length] for mark in (b"Xing", b"Info"))
    return audio[start + length :] if is_header else audio[start:]


def with_variable_rate(audio: bytes) -> bytes:
    """The song encoded with a variable rate, a quiet first half, and no header that says how long it is."""
    samples, rate = _decoded(audio)
    samples[: len(samples) // 2] *= 0.001
    return without_header(_encode(samples, rate, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE"))


def _decoded(audio: bytes) -> tuple[Any, int]:
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(audio), dtype="float32")
    return samples, int(rate)


def _encode(samples: Any, rate: int, **options: Any) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, rate, **options)
    return file.getvalue()


def _encoded(audio: bytes, **options: Any) -> bytes:
    samples, rate = _decoded(audio)
    return _encode(samples, rate, **options)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _synchsafe(size: int) -> bytes:
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _after_tag(audio: bytes) -> int:
    if not audio.startswith(b"ID3"):
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(audio[6:10], (21, 14, 7, 0), strict=True))


def frame_length(header: bytes) -> int:
    """Bytes of an mp3 frame, by its header."""
    version = (header[1] >> 3) & 3
    bitrate = _BITRATES[version][header[2] >> 4]
    rate = _RATES[version][(header[2] >> 2) & 3]
    return (144_000 if version == 3 else 72_000) * bitrate // rate + ((header[2] >> 1) & 1)


AUDIO_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    "wav_audio": as_wav,
    "flac_audio": as_flac,
    "m4a_audio": as_m4a,
    "unknown_audio": as_unknown,
    "tagged_mp3": with_tags,
    "headerless_mp3": without_header,
    "variable_mp3": with_variable_rate,
}
"""By the name of the fault."""
