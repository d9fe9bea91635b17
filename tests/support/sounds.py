"""Sound files of every kind that people bring, made on the spot; and what each must be taken for."""

# ruff: noqa: E501  (the rows of the tables stay rows)

from __future__ import annotations

import functools
import io
import json
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from minimax_nb.audio.mpeg import find_frames, xing_header

SECONDS = 18.0
RATE = 22050


def song(seconds: float = SECONDS, rate: int = RATE, channels: int = 1, level: float = 0.3) -> np.ndarray:
    """Something lively: a tone that swells twice a second, over a little noise. Shape (n, channels)."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(7).normal(0, 0.02, len(time))
    wave = (np.sin(2 * np.pi * 220 * time) + noise) * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * time))
    return np.repeat(level * wave[:, None], channels, axis=1).astype(np.float32)


def written(
    samples: np.ndarray, file_format: str, subtype: str | None = None, rate: int = RATE, **more: Any
) -> bytes:
    """Encode with soundfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=file_format, subtype=subtype, **more)
    return file.getvalue()


def muxed(
    container: str,
    codec: str,
    samples: np.ndarray | None = None,
    *,
    rate: int = RATE,
    bit_rate: int | None = None,
    video: bool = False,
    longer: float = 0.0,
    options: dict[str, str] | None = None,
) -> bytes:
    """Encode with PyAV."""
    import av

    samples = song(rate=rate) if samples is None else samples
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        with av.open(path, "w", format=container, options=options or {}) as output:
            stream = output.add_stream(codec, rate=rate, layout=layout)
            pictures = add_pictures(output) if video else None
            if bit_rate:
                stream.bit_rate = bit_rate
            stream.codec_context.open()
            if pictures:
                film(output, pictures, len(samples) / rate + longer)
            resampler = av.AudioResampler(stream.codec_context.format, layout, rate, stream.frame_size or 1024)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", layout)
            frame.sample_rate = rate
            for converted in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(converted))
            output.mux(stream.encode())
        return path.read_bytes()


def add_pictures(output: Any) -> Any:
    return output.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")


def film(output: Any, stream: Any, seconds: float) -> None:
    import av

    for number in range(int(seconds * 5)):
        picture = av.VideoFrame(32, 32, "yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, 5)
        output.mux(stream.encode(picture))
    output.mux(stream.encode())


# mp3


@functools.cache
def mp3(mode: str = "CONSTANT", seconds: float = SECONDS, rate: int = RATE, channels: int = 1) -> bytes:
    content = written(song(seconds, rate, channels), "MP3", rate=rate, bitrate_mode=mode, compression_level=0.8)
    stream = find_frames(content)
    assert stream
    return content if stream.header else xing_header(content, stream) + content


@functools.cache
def bare(mode: str = "CONSTANT", seconds: float = SECONDS, rate: int = RATE, channels: int = 1) -> bytes:
    """Without a Xing header, as encoders write into a pipe."""
    content = mp3(mode, seconds, rate, channels)
    return content[header_size(content) :]


def header_size(content: bytes) -> int:
    stream = find_frames(content)
    assert stream
    assert stream.header
    return stream.header.end


def xing(factor: float, *, with_bytes: bool = True) -> bytes:
    """Whose header counts too many or too few frames."""
    content = bytearray(mp3())
    at = max(content.find(b"Xing"), content.find(b"Info"))
    for offset in (8, 12) if not with_bytes else (8,):
        count = struct.unpack_from(">I", content, at + offset)[0]
        struct.pack_into(">I", content, at + offset, int(count * factor))
    return bytes(content)


def id3(content: bytes, *, size: int | None = None) -> bytes:
    """A tag of ID3v2.3; its size may be wrong."""
    size = len(content) if size is None else size
    return b"ID3\3\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + content


def picture_frame(size: int) -> bytes:
    """Cover art: noise with the marks of a JPEG, and of mp3 frames that are none."""
    noise = np.random.default_rng(3).integers(0, 256, size, dtype=np.uint8).tobytes()
    content = b"\0image/jpeg\0\3\0\xff\xd8\xff\xe0" + noise
    return b"APIC" + struct.pack(">IH", len(content), 0) + content


def ape(items: int = 5) -> bytes:
    body = b"".join(struct.pack("<II", 20, 0) + b"Key%d\0" % item + b"v" * 20 for item in range(items))
    return body + b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, items, 0) + bytes(8)


LYRICS3 = b"LYRICSBEGIN" + b"IND00002" + b"la la la" * 20 + b"000190LYRICS200"
ID3V1 = b"TAG" + b"A song".ljust(125, b"\0")
HTML = b"<!DOCTYPE html><html><head><title>Download</title></head><body>Your file</body></html>\n" * 8


def with_hole(content: bytes, size: int, at: float = 0.5) -> bytes:
    """With damaged bytes in the middle."""
    start = int(len(content) * at)
    return content[:start] + np.random.default_rng(5).bytes(size) + content[start + size :]


# wav


def wav(
    samples: np.ndarray | None = None, subtype: str = "PCM_16", rate: int = RATE, file_format: str = "WAV"
) -> bytes:
    return written(song(rate=rate) if samples is None else samples, file_format, subtype, rate)


def chunk(name: bytes, content: bytes, *, padded: bool = True, size: int | None = None) -> bytes:
    size = len(content) if size is None else size
    return name + struct.pack("<I", size & 0xFFFFFFFF) + content + b"\0" * (len(content) % 2 and padded)


def layout(tag: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, mask: int | None = None) -> bytes:
    width = channels * bits // 8
    if mask is None:
        return struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits)
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate, rate * width, width, bits, 22, bits, mask) + guid


def riff(*chunks: bytes, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", (len(body) if size is None else size) & 0xFFFFFFFF) + body


def pcm(samples: np.ndarray | None = None, bits: int = 16) -> bytes:
    samples = song() if samples is None else samples
    whole = np.round(np.clip(samples, -1, 1) * (2 ** (bits - 1) - 1)).astype(np.int64)
    if bits == 8:
        return (whole + 128).astype(np.uint8).tobytes()
    return whole.astype("<i8").reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes()


def sized(size: int) -> bytes:
    """Whose headers say `size` for both chunks."""
    return riff(chunk(b"fmt ", layout()), chunk(b"data", pcm(), size=size), size=size)


def rf64(name: bytes = b"RF64") -> bytes:
    data = pcm()
    ds64 = struct.pack("<QQQI", len(data) + 72, len(data), len(data) // 2, 0)
    chunks = chunk(b"ds64", ds64), chunk(b"fmt ", layout()), chunk(b"data", data, size=0xFFFFFFFF)
    return riff(*chunks, size=0xFFFFFFFF, name=name)


def surround(loud: int, mask: int | None = 0x3F) -> bytes:
    """5.1 with the song in one channel."""
    samples = np.zeros((int(SECONDS * RATE), 6), dtype=np.float32)
    samples[:, loud] = song()[:, 0]
    return riff(chunk(b"fmt ", layout(channels=6, mask=mask)), chunk(b"data", pcm(samples)))


def sides(left: float, right: float) -> np.ndarray:
    return song() * np.array([left, right], dtype=np.float32)


# others


def encrypted_mp4() -> bytes:
    keys = {
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "0123456789abcdef0123456789abcdef",
    }
    return muxed("mp4", "aac", options={"encryption_scheme": "cenc-aes-ctr", **keys})


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("song.mp3", bare())
    return file.getvalue()


def cut_to_half(file_format: str) -> bytes:
    content = written(song(2 * SECONDS), file_format, "PCM_16")
    return content[: len(content) // 2]


def big_endian() -> bytes:
    return written(song(2 * SECONDS), "WAV", "PCM_16", endian="BIG")


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("song.mp3")
        member.size = len(bare())
        archive.addfile(member, io.BytesIO(bare()))
    return file.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, and what it must be taken for.

    Attributes
    ----------
    make : callable
        Gives its content.
    seconds : float
        How long it is; 0 when it must be refused.
    says : str
        A regular expression for what is remarked, or for why it is refused; empty when nothing is to be said.
    formats : bool
        Whether FFmpeg is needed.
    """

    make: Callable[[], bytes]
    seconds: float = SECONDS
    says: str = ""
    formats: bool = False


def refused(says: str, make: Callable[[], bytes]) -> Case:
    return Case(make, 0.0, says)


MP3: dict[str, Case] = {
    "constant": Case(mp3),
    "variable": Case(lambda: mp3("VARIABLE")),
    "constant, no header": Case(bare),
    "variable, no header": Case(lambda: bare("VARIABLE")),
    "variable stereo, no header": Case(lambda: bare("VARIABLE", rate=44100, channels=2)),
    "ID3v1": Case(lambda: bare() + ID3V1),
    "Lyrics3": Case(lambda: bare() + LYRICS3 + ID3V1),
    "Lyrics3 before": Case(lambda: LYRICS3 + bare()),
    "APE after": Case(lambda: bare() + ape()),
    "APE before": Case(lambda: ape() + bare()),
    "two ID3v2": Case(lambda: id3(b"TIT2" + bytes(40)) + id3(bytes(500)) + mp3()),
    "cover of 3 MB": Case(lambda: id3(picture_frame(3_000_000)) + mp3()),
    "tag whose size is too small": Case(lambda: id3(picture_frame(90_000), size=20_000) + mp3()),
    "tag whose size is too large": Case(lambda: id3(bytes(1000), size=1500) + mp3()),
    "tag larger than the file": Case(lambda: id3(bytes(1000), size=250_000_000) + mp3()),
    "padding that is not counted": Case(lambda: id3(bytes(300)) + bytes(4096) + mp3()),
    "zeros before": Case(lambda: bytes(70_000) + mp3()),
    "zeros after": Case(lambda: mp3() + bytes(70_000)),
    "web page before": Case(lambda: HTML + bare()),
    "web page after": Case(lambda: bare() + HTML),
    "junk before": Case(lambda: np.random.default_rng(1).bytes(150_000) + mp3()),
    "junk after": Case(lambda: mp3() + np.random.default_rng(2).bytes(150_000)),
    "HTTP head": Case(lambda: b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n" + mp3()),
    "RIFF shell": Case(lambda: b"RIFF" + struct.pack("<I", len(bare()) + 12) + b"RMP3data" + bare()),
    "inside wav": Case(lambda: riff(chunk(b"fmt ", mp3_layout()), chunk(b"fact", bytes(4)), chunk(b"data", bare()))),
    "Xing says 0": Case(lambda: xing(0)),
    "Xing says half": Case(lambda: xing(0.5)),
    "Xing says double": Case(lambda: xing(2)),
    "Xing says double of all": Case(lambda: xing(2, with_bytes=False), says="of the 36 s"),
    "two joined": Case(lambda: mp3() + mp3(), 2 * SECONDS),
    "two joined, with tags": Case(lambda: id3(bytes(99)) + mp3() + ID3V1 + id3(bytes(99)) + bare() + ID3V1, 2 * SECONDS),
    "two joined, one cut, with a cover between": Case(lambda: bare()[:-50] + id3(picture_frame(60_000)) + bare(), 2 * SECONDS),
    "two rates": Case(lambda: bare() + bare(rate=44100), 2 * SECONDS, formats=True),
    "mono then stereo": Case(lambda: bare() + bare(channels=2), 2 * SECONDS, formats=True),
    "stereo then mono": Case(lambda: mp3(channels=2) + mp3(), 2 * SECONDS, formats=True),
    "from mid-frame": Case(lambda: bare()[100:]),
    "last frame cut": Case(lambda: bare()[:-50]),
    "hole of 2 KB": Case(lambda: with_hole(mp3(), 2000), SECONDS - 0.4, says="damaged"),
    "hole of 40 %": Case(lambda: with_hole(mp3(seconds=40), 40_000, 0.3), 32, says="damaged", formats=True),
    "frames missing": Case(lambda: mp3()[:30_000] + mp3()[34_000:], SECONDS - 0.8),
    "truncated": Case(lambda: mp3(seconds=40)[: len(mp3(seconds=40)) // 2], 20, says="cut off: 20 s .* 40 s"),
    "truncated too short": refused("9.0 s", lambda: mp3()[: len(mp3()) // 2]),
    "layer II": Case(lambda: muxed("mp2", "mp2"), formats=True),
    "layer II at 48 kHz": Case(lambda: muxed("mp2", "mp2", rate=48000), formats=True),
    "too short": refused("14.. s long", lambda: mp3(seconds=14)),
    **{f"{rate} Hz": Case(functools.partial(mp3, rate=rate)) for rate in (8000, 11025, 12000, 16000, 24000, 32000, 44100, 48000)},
    **{
        f"{kbit} kbit/s": Case(functools.partial(muxed, "mp3", "libmp3lame", rate=44100, bit_rate=1000 * kbit))
        for kbit in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    },
}  # fmt: skip


def mp3_layout() -> bytes:
    return struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 8000, 1, 0, 12, 1, 2, 209, 1, 1393)


WAV: dict[str, Case] = {
    "8 bit": Case(lambda: wav(subtype="PCM_U8")),
    "16 bit": Case(wav),
    "20 in 24 bit": Case(lambda: riff(chunk(b"fmt ", layout(bits=24, mask=4)[:18] + struct.pack("<H", 20) + layout(bits=24, mask=4)[20:]), chunk(b"data", pcm(bits=24)))),
    "24 bit": Case(lambda: wav(subtype="PCM_24")),
    "32 bit": Case(lambda: wav(subtype="PCM_32")),
    "64 bit": Case(lambda: riff(chunk(b"fmt ", layout(bits=64)), chunk(b"data", (song().astype(float) * 2**62).astype("<i8").tobytes())), formats=True),
    "no channels": refused("damaged or cut off", lambda: riff(chunk(b"fmt ", layout(channels=0)), chunk(b"data", pcm()))),
    "float": Case(lambda: wav(subtype="FLOAT")),
    "double": Case(lambda: wav(subtype="DOUBLE")),
    "float above full scale": Case(lambda: wav(song(level=4), subtype="FLOAT"), says="above full scale"),
    "A-law": Case(lambda: wav(subtype="ALAW")),
    "µ-law": Case(lambda: wav(subtype="ULAW")),
    "IMA ADPCM": Case(lambda: wav(subtype="IMA_ADPCM")),
    "MS ADPCM": Case(lambda: wav(subtype="MS_ADPCM")),
    "GSM": Case(lambda: wav(subtype="GSM610"), formats=True),
    "Yamaha ADPCM": Case(lambda: muxed("wav", "adpcm_yamaha"), formats=True),
    "extensible": Case(lambda: wav(file_format="WAVEX")),
    "channel mask 0": Case(lambda: riff(chunk(b"fmt ", layout(channels=2, mask=0)), chunk(b"data", pcm(song(channels=2))))),
    "5.1, voice in the centre": Case(lambda: surround(2)),
    "5.1, mask 0": Case(lambda: surround(2, 0)),
    "5.1, sound in a back channel": Case(lambda: surround(4), says="side"),
    "5.1, effects alone": refused("silent", lambda: surround(3)),
    "8 channels": Case(lambda: wav(song(channels=8))),
    "3 channels": Case(lambda: wav(song(channels=3))),
    "RF64": Case(rf64),
    "BW64": Case(lambda: rf64(b"BW64")),
    "W64": Case(lambda: wav(file_format="W64")),
    "BWF": Case(lambda: riff(chunk(b"bext", bytes(858)), chunk(b"fmt ", layout()), chunk(b"data", pcm()))),
    "big-endian": Case(lambda: written(song(), "WAV", "PCM_16", endian="BIG")),
    "size 0": Case(lambda: sized(0)),
    "size 0xFFFFFFFF": Case(lambda: sized(0xFFFFFFFF)),
    "size 0x7FFFFFFF": Case(lambda: sized(0x7FFFFFFF)),
    "size 10 hours": Case(lambda: sized(10 * 3600 * RATE * 2), says="of the 36000 s"),
    "size a little too long": Case(lambda: sized(len(pcm()) + 100)),
    "size too short": Case(lambda: sized(len(pcm()) // 2)),
    "truncated": Case(lambda: sized(2 * len(pcm())), says="cut off: 18 s .* 36 s"),
    "LIST of odd size, not padded": Case(lambda: riff(chunk(b"LIST", b"INFOISFTx", padded=False), chunk(b"fmt ", layout()), chunk(b"data", pcm()))),
    "LIST of odd size, padded": Case(lambda: riff(chunk(b"fmt ", layout()), chunk(b"LIST", b"INFOISFTx"), chunk(b"data", pcm()))),
    "LIST of a wrong size": Case(lambda: riff(chunk(b"fmt ", layout()), chunk(b"LIST", b"INFOISFT" + bytes(12), size=4000), chunk(b"data", pcm()))),
    "LIST larger than the file": Case(lambda: riff(chunk(b"fmt ", layout()), chunk(b"LIST", b"INFOISFT" + bytes(12), size=1 << 30), chunk(b"data", pcm()))),
    "JUNK": Case(lambda: riff(chunk(b"JUNK", bytes(4000)), chunk(b"fmt ", layout()), chunk(b"data", pcm()))),
    "ID3 before RIFF": Case(lambda: id3(bytes(500)) + wav()),
    "two data chunks": Case(lambda: riff(chunk(b"fmt ", layout()), chunk(b"data", pcm()), chunk(b"data", pcm())), 2 * SECONDS),
    "tail of junk": Case(lambda: wav() + np.random.default_rng(1).bytes(50_001)),
    "LIST after": Case(lambda: riff(chunk(b"fmt ", layout()), chunk(b"data", pcm()), chunk(b"LIST", bytes(300_000)))),
    **{f"{rate} Hz": Case(functools.partial(wav, rate=rate)) for rate in (6000, 8000, 11025, 44056, 48000, 96000, 192000)},
    "DC offset": Case(lambda: wav(song() + np.float32(0.4))),
    "nothing but an offset": refused("silent", lambda: wav(np.full((int(SECONDS * RATE), 1), 0.3, np.float32))),
    "left side alone": Case(lambda: wav(sides(1, 0)), says="side"),
    "right side alone": Case(lambda: wav(sides(0, 1)), says="side"),
    "sides in antiphase": Case(lambda: wav(sides(1, -1)), says="cancel"),
    "-50 dBFS": Case(lambda: wav(song(level=0.007), "PCM_24"), says="quiet"),
    "silence": refused("silent", lambda: wav(song(level=0))),
    "dither alone": refused("silent", lambda: wav(np.random.default_rng(1).normal(0, 2e-5, (int(SECONDS * RATE), 1)))),
    "a minute of silence first": Case(lambda: wav(np.concatenate([song(60, level=0), song()])), 60 + SECONDS),
    "not a number in it": Case(lambda: wav(np.where(np.arange(len(song()))[:, None] % 5000, song(), np.nan), "FLOAT")),
    "15.02 s": Case(lambda: wav(song(15.02)), 15.02),
    "15 s": refused("15.0 s long", lambda: wav(song(15))),
    "1 Hz": refused("1 samples a second", lambda: riff(chunk(b"fmt ", layout(rate=1)), chunk(b"data", pcm()))),
    "0 Hz": refused("0 samples a second", lambda: riff(chunk(b"fmt ", layout(rate=0)), chunk(b"data", pcm()))),
    "header alone": refused("", lambda: wav()[:44]),
}  # fmt: skip

OTHERS: dict[str, Case] = {
    **{
        f"{name.lower()} truncated": Case(functools.partial(cut_to_half, name), 18, says="cut off: 18 s .* 36 s")
        for name in ("AIFF", "AU", "CAF", "W64")
    },
    "big-endian wav truncated": Case(lambda: big_endian()[: len(big_endian()) // 2], 18, says="cut off: 18 s .* 36 s"),
    "m4a aac": Case(lambda: muxed("ipod", "aac"), formats=True),
    "m4a alac": Case(lambda: muxed("ipod", "alac"), formats=True),
    "m4a, index first": Case(lambda: muxed("ipod", "aac", options={"movflags": "faststart"}), formats=True),
    "m4a in fragments": Case(lambda: muxed("mp4", "aac", options={"movflags": "frag_keyframe+empty_moov"}), formats=True),
    "m4a without its index": refused("cut off|damaged", lambda: muxed("ipod", "aac")[:60_000]),
    "mp4": Case(lambda: muxed("mp4", "aac", video=True), formats=True),
    "mp4 without sound": refused("video without sound", lambda: silent_video("mp4")),
    "mov": Case(lambda: muxed("mov", "pcm_s16le", video=True), formats=True),
    "3gp": Case(lambda: muxed("3gp", "aac"), formats=True),
    "amr": Case(lambda: muxed("amr", "libopencore_amrnb", rate=8000), formats=True),
    "aac": Case(lambda: muxed("adts", "aac"), formats=True),
    "aac with a hole": Case(lambda: with_hole(muxed("adts", "aac", song(24)), 20_000), 21.7, formats=True),
    "aac from mid-frame": Case(lambda: muxed("adts", "aac")[77:], formats=True),
    "aac in LOAS": Case(lambda: muxed("latm", "aac"), formats=True),
    "aac with a tag": Case(lambda: id3(bytes(200)) + muxed("adts", "aac"), formats=True),
    "flac": Case(lambda: written(song(), "FLAC")),
    "flac with junk before": Case(lambda: b"--form\r\nContent-Type: audio/flac\r\n\r\n" + written(song(), "FLAC")),
    "flac 24 bit": Case(lambda: written(song(channels=2), "FLAC", "PCM_24")),
    "flac with a tag": Case(lambda: id3(bytes(200)) + written(song(), "FLAC")),
    "flac of unknown length": Case(lambda: flac_of_length(0)),
    "flac that counts too few samples": Case(lambda: flac_of_length(len(song()) // 2), formats=True),
    "flac truncated": Case(lambda: written(song(40), "FLAC")[: len(written(song(40), "FLAC")) // 2], 20, says="cut off"),
    "ogg": Case(lambda: written(song(), "OGG", "VORBIS")),
    "ogg chained": Case(lambda: 2 * written(song(), "OGG", "VORBIS"), 2 * SECONDS, formats=True),
    "ogg truncated": Case(lambda: ogg()[: len(ogg()) // 2], 19.6, says="cut off: 20 s"),
    "ogg without its last page": Case(lambda: ogg()[: ogg().rindex(b"OggS")], 39.5, says="cut off"),
    "ogg without the last bytes": Case(lambda: ogg()[:-1], 39.5, says="cut off"),
    "ogg truncated too early": Case(lambda: ogg()[: len(ogg()) // 4], 9.7, says="s long .*cut off"),
    "ogg with a hole": Case(lambda: with_hole(ogg(), 20_000), 35.9, says="damaged", formats=True),
    "ogg with junk before": Case(lambda: np.random.default_rng(1).bytes(5000) + written(song(), "OGG", "VORBIS")),
    "ogg with junk behind": Case(lambda: written(song(), "OGG", "VORBIS") + bytes(5000)),
    "opus": Case(lambda: written(song(rate=48000), "OGG", "OPUS", rate=48000)),
    "opus truncated": Case(lambda: opus()[: len(opus()) // 2], 19, says="cut off: 19 s"),
    "webm": Case(lambda: muxed("webm", "libopus", rate=48000), formats=True),
    "webm truncated": Case(lambda: webm()[: len(webm()) * 3 // 4], 30, says="cut off: 30 s .* 40 s", formats=True),
    "mka": Case(lambda: muxed("matroska", "aac"), formats=True),
    "mka of a minute and a half": Case(lambda: muxed("matroska", "aac", song(90)), 90, formats=True),
    "mkv": Case(lambda: muxed("matroska", "libopus", rate=48000, video=True), formats=True),
    "mkv whose pictures last longer": Case(lambda: muxed("matroska", "libopus", rate=48000, video=True, longer=9), formats=True),
    "wma": Case(lambda: muxed("asf", "wmav2", rate=44100, bit_rate=64000), formats=True),
    "aiff": Case(lambda: written(song(), "AIFF")),
    "aiff float": Case(lambda: written(song(), "AIFF", "FLOAT")),
    "aifc little-endian": Case(lambda: muxed("aiff", "pcm_s16le"), formats=True),
    "au": Case(lambda: written(song(), "AU")),
    "au of unknown size": Case(lambda: au_of_unknown_size()),
    "caf": Case(lambda: written(song(), "CAF")),
    "caf alac": Case(lambda: written(song(), "CAF", "ALAC_16")),
    "wv": Case(lambda: muxed("wv", "wavpack"), formats=True),
    "tta": Case(lambda: muxed("tta", "tta"), formats=True),
    "ac3": Case(lambda: muxed("ac3", "ac3", rate=48000), formats=True),
    "ac3 5.1": Case(lambda: muxed("ac3", "ac3", song(rate=48000, channels=6), rate=48000), formats=True),
    "eac3": Case(lambda: muxed("eac3", "eac3", rate=48000), formats=True),
    "ts": Case(lambda: muxed("mpegts", "aac"), formats=True),
    "ts from mid-packet": Case(lambda: muxed("mpegts", "aac")[1000:], formats=True),
    "avi": Case(lambda: muxed("avi", "libmp3lame", video=True), formats=True),
    "flv": Case(lambda: muxed("flv", "aac", rate=44100), formats=True),
    "voc": Case(lambda: written(song(), "VOC", "PCM_16"), formats=True),
}  # fmt: skip


@functools.cache
def ogg() -> bytes:
    return written(song(40), "OGG", "VORBIS")


@functools.cache
def opus() -> bytes:
    return written(song(40, 48000), "OGG", "OPUS", rate=48000)


@functools.cache
def webm() -> bytes:
    return muxed("webm", "libopus", song(40, 48000), rate=48000)


def silent_video(container: str) -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        film(output, add_pictures(output), 3)
    return file.getvalue()


def flac_of_length(samples: int) -> bytes:
    content = bytearray(written(song(), "FLAC"))
    content[21] &= 0xF0
    content[22:26] = struct.pack(">I", samples)
    return bytes(content)


def au_of_unknown_size() -> bytes:
    content = written(song(), "AU")
    return content[:8] + b"\xff\xff\xff\xff" + content[12:]


NONE: dict[str, Case] = {
    "web page": refused("a web page", lambda: HTML),
    "web page after a tag": refused("a web page", lambda: id3(bytes(50)) + HTML),
    "web page after an HTTP head": refused("a web page", lambda: b"HTTP/1.1 404 Not Found\r\n\r\n" + HTML),
    "json": refused("JSON", lambda: json.dumps({"error": "expired"}).encode()),
    "xml": refused("XML", lambda: b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
    "web page after a byte order mark": refused("a web page", lambda: b"\xef\xbb\xbf" + HTML),
    "web page in UTF-16": refused("a web page", lambda: HTML.decode().encode("utf-16")),
    "Git LFS pointer": refused("Git LFS", lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"),
    "m3u": refused("a playlist", lambda: b"#EXTM3U\n#EXTINF:100,Song\nhttp://example.org/song.mp3\n"),
    "m3u8 after a byte order mark": refused("a playlist", lambda: b"\xef\xbb\xbf#EXTM3U\n#EXTINF:100,Song\nsong.ts\n"),
    "m3u of names alone": refused("a playlist", lambda: b"music/one song.mp3\nmusic/another.mp3\n"),
    "asx": refused("a playlist", lambda: b'<ASX version="3.0"><Entry></Entry></ASX>'),
    "cue": refused("a cue sheet", lambda: b'FILE "song.wav" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'),
    "pls": refused("a playlist", lambda: b"[playlist]\nFile1=http://example.org/song.mp3\n"),
    "xspf": refused("a playlist", lambda: b'<?xml version="1.0"?>\n<playlist version="1"></playlist>'),
    "midi": refused("a midi file", lambda: b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0"),
    "tracker module": refused("a tracker module", lambda: b"My song".ljust(1080, b"\0") + b"M.K." + bytes(3000)),
    "random": refused("not a kind of audio", lambda: np.random.default_rng(9).bytes(300_000)),
    "zeros": refused("zeros", lambda: bytes(300_000)),
    "encrypted": refused("encrypted", lambda: b"Salted__" + np.random.default_rng(9).bytes(300_000)),
    "protected m4p": refused("copy-protected", lambda: b"\0\0\0\x20ftypM4P " + bytes(1000)),
    "protected mp4": refused("copy-protected", encrypted_mp4),
    "zip": refused("a zip archive", zipped),
    "tar": refused("an archive", tarred),
    "torrent": refused("a torrent", lambda: b"d7:comment3:abc8:announce3:abce"),
    "Audible": refused("copy-protected", lambda: b"\0\0\x10\0\x57\x90\x75\x36" + bytes(1000)),
    "gzip": refused("an archive", lambda: b"\x1f\x8b\x08" + bytes(100)),
    "pdf": refused("a PDF", lambda: b"%PDF-1.7\n" + bytes(100)),
    "png": refused("a picture", lambda: b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "jpeg": refused("a picture", lambda: b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100)),
    "heic": refused("a picture", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)),
    "tiff": refused("a picture", lambda: b"II*\0" + bytes(100)),
    "rtf": refused("a document", lambda: b"{\\rtf1\\ansi hello}"),
    "doc": refused("a document", lambda: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000)),
    "Windows shortcut": refused("a shortcut", lambda: b"L\0\0\0\1\x14\2\0" + bytes(1000)),
    "lrc": refused("text, not audio", lambda: b"[00:01.00]Hold on\n"),
    "text in Latin-1": refused("text, not audio", lambda: "Ein Lied für dich\n".encode("latin-1") * 20),
    "nothing but ones": refused("not a kind of audio", lambda: b"\xff" * 5000),
    "text": refused("text", lambda: b"not music at all\n" * 100),
    "empty": refused("empty", lambda: b""),
    "one byte": refused("not a kind|text", lambda: b"\xff"),
    "tag alone": refused("", lambda: id3(bytes(500))),
}  # fmt: skip

CASES = {
    f"{group}: {name}": case
    for group, cases in (("mp3", MP3), ("wav", WAV), ("other", OTHERS), ("none", NONE))
    for name, case in cases.items()
}
