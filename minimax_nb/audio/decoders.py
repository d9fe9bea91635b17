"""Everything that decodes, behind one seam: `decoders` gives those that can, the best one first.

soundfile reads what it is right about; FFmpeg, as PyAV or as a program, reads all else.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from ..errors import install
from .channels import to_stereo
from .kinds import Kind, NotAudio
from .riff import Wave, find_samples

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1 << 16
_SMALL_BLOCK = 1 << 13  # one that is damaged is lost as a whole
_UNKNOWN = 1 << 50
_MOST_FAILURES = 1000
"""So many in a row, and nothing will come any more."""

_SHORTEST_GAP, _LONGEST_GAP = 0.01, 60.0
_MOST_OF_IT = 0.9

_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows
_SOUNDFILE = ("wav", "w64", "flac", "aiff", "au", "caf")
"""What soundfile is right about."""

_SAY_LENGTH = ("mov", "matroska", "flac", "asf", "ape", "wv", "tta", "tak", "caf", "aiff")
"""What holds its true length; of others FFmpeg guesses it."""

_GUARDED = {"protocol_whitelist": "file,pipe"}  # a file may name others, which must not be opened


@dataclass
class Report:
    """What a decoder came across, filled in while it decodes.

    Attributes
    ----------
    rate, channels : int
        Of the file.
    announced : float
        How long the file says it is, in seconds; 0 when it does not.
    errors : int
        How many pieces could not be decoded, after the first that could.
    gaps : float
        How many seconds passed between pieces that were decoded, by their times.
    sure : bool
        Whether nothing speaks against what was decoded.
    done : float
        The share that is decoded, 0 to 1.
    """

    rate: int = 0
    channels: int = 0
    announced: float = 0.0
    errors: int = 0
    gaps: float = 0.0
    sure: bool = True
    done: float = 0.0


Block = tuple["np.ndarray", int]
"""Samples, shape (n, 1) or (n, 2), full scale at 1.0; and their rate in Hz."""

Decoder = Callable[[Report], Iterator[Block]]


Opener = Callable[[], BinaryIO]


def decoders(kind: Kind, opener: Opener, path: Path | None, wave: Wave | None) -> list[Decoder]:
    """Find what can decode a file, the best one first.

    Parameters
    ----------
    kind : Kind
    opener : callable
        Opens the file, or what of it is audio, at its beginning.
    path : pathlib.Path or None
        Where the very same lies on the disk.
    wave : Wave or None
        What is known of a wav file.

    Returns
    -------
    list of callable
        Each takes a `Report` and gives blocks; it raises `NotAudio` when it cannot.
    """
    ffmpeg = partial(_from_ffmpeg, kind, opener, path)
    if kind.stream:
        child = partial(_from_child, opener)
        return [child, ffmpeg] if kind.stream.free else [ffmpeg, child]
    if kind.demuxer in _SOUNDFILE:
        return [partial(_from_soundfile, opener, wave), ffmpeg]
    if kind.demuxer == "ogg":
        return [ffmpeg, partial(_from_soundfile, opener, None)]
    return [ffmpeg]


# soundfile


def _from_soundfile(opener: Opener, wave: Wave | None, report: Report) -> Iterator[Block]:
    import soundfile

    try:
        with opener() as file, soundfile.SoundFile(file) as sound:
            report.rate, report.channels = sound.samplerate, sound.channels
            known = sound.frames < _UNKNOWN
            report.announced = sound.frames / sound.samplerate if known else 0.0
            # Only of wav is it known here which channel is which speaker.
            report.sure = known and (sound.channels <= 2 or wave is not None)
            while len(samples := sound.read(_SMALL_BLOCK, "float32", always_2d=True)):
                report.done = sound.tell() / max(1, sound.frames)
                yield to_stereo(samples, mask=wave.speakers if wave else 0), sound.samplerate
            # A header that counts too few samples ends it too early.
            report.sure = report.sure and file.tell() > _MOST_OF_IT * file.seek(0, 2)
    except (soundfile.LibsndfileError, ValueError, ZeroDivisionError):
        report.sure = False
        report.errors += 1


# What libsndfile reads mp3 with writes to the process's own standard error: it does so in a process apart. After each
# read soundfile seeks to where it is, if it can, and the next frames of an mp3 would be decoded without those before.
_CHILD = """
import struct, sys, soundfile
out = sys.stdout.buffer
with soundfile.SoundFile(sys.argv[1]) as sound:
    sound.seekable = lambda: False
    layout = 16, 3, sound.channels, sound.samplerate, 4 * sound.channels * sound.samplerate, 4 * sound.channels, 32
    out.write(b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<IHHIIHH", *layout) + b"data" + bytes(4))
    while len(block := sound.read(65536, "float32", always_2d=True)):
        out.write(block.tobytes())
"""


def _from_child(opener: Opener, report: Report) -> Iterator[Block]:
    with _on_disk(opener) as path:
        yield from _from_program([sys.executable, "-c", _CHILD, str(path)], report)


# FFmpeg


def _from_ffmpeg(kind: Kind, opener: Opener, path: Path | None, report: Report) -> Iterator[Block]:
    try:
        import av  # noqa: F401
    except ImportError:
        program = ffmpeg_program()
        if not program:
            raise NotAudio(
                f"{kind.words}, which needs one more package to be read",
                f"Install it with: {install('formats')}",
                lacking=True,
            ) from None
        source: Any = contextlib.nullcontext(path) if path else _on_disk(opener)
        with source as path:
            yield from _from_program(_command(program, kind, path), report, kind)
    else:
        yield from _from_av(kind, opener, report)


def ffmpeg_program() -> str:
    """Where FFmpeg's program lies, on the PATH or in imageio-ffmpeg; empty where there is none."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return ""


def _from_av(kind: Kind, opener: Opener, report: Report) -> Iterator[Block]:
    import av

    with opener() as file:
        try:
            container = av.open(file, format=kind.demuxer, options=_GUARDED, metadata_errors="ignore")
        except (av.FFmpegError, ValueError):
            report.sure = False
            return
        with container:
            stream = container.streams.best("audio")
            if stream is None and container.streams.video:
                raise NotAudio("a video without sound", "Pick a file with sound.")
            if stream is None:
                return
            if kind.demuxer in _SAY_LENGTH:
                report.announced = _length(container, stream)
            yield from _blocks(_frames(container, stream, report), report)


def _length(container: Any, stream: Any) -> float:
    """How long a file says that it is, in seconds; 0 when it does not."""
    import av

    if len(container.streams) > 1 and container.format.name.startswith(("matroska", "asf")):
        return 0.0  # it is that of all streams, and pictures may last longer
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float((container.duration or 0) / av.time_base)


def _frames(container: Any, stream: Any, report: Report) -> Iterator[Any]:
    """Decode frame by frame, over those that are damaged."""
    import av

    packets = container.demux(stream)
    begun, failed = False, 0
    while failed < _MOST_FAILURES:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            if packet.pos is not None:
                report.done = packet.pos / max(1, container.size)
            for frame in packet.decode():
                begun, failed = True, 0
                yield frame
        except (av.FFmpegError, ValueError, IndexError):  # the last for a stream that begins midway
            report.errors += begun
            failed += 1
            packets = container.demux(stream)  # one that failed has ended


def _blocks(frames: Iterator[Any], report: Report) -> Iterator[Block]:
    """Join frames of the same layout to blocks of about a second."""
    import numpy as np

    pending: list[Any] = []
    layout: Any = None
    count = 0
    expected = None
    for frame in frames:
        gap = frame.time - expected if frame.time is not None and expected is not None else 0.0
        # Times are rounded to a millisecond, and recordings that were joined jump by hours.
        report.gaps += gap if _SHORTEST_GAP < gap < _LONGEST_GAP else 0.0
        expected = None if frame.time is None else frame.time + frame.samples / frame.sample_rate
        if pending and (count > frame.sample_rate or layout != (frame.sample_rate, frame.layout.name)):
            yield np.concatenate(pending), layout[0]
            pending, count = [], 0
        layout = frame.sample_rate, frame.layout.name
        report.rate, report.channels = frame.sample_rate, max(report.channels, len(frame.layout.channels))
        pending.append(_samples(frame))
        count += frame.samples
    if pending:
        yield np.concatenate(pending), layout[0]


def _samples(frame: Any) -> np.ndarray:
    """The samples of a frame of PyAV, shape (n, 1) or (n, 2)."""
    import av
    import numpy as np

    names = [channel.name for channel in frame.layout.channels]
    if frame.format.name.startswith("s64"):  # of which PyAV makes no array
        frame = av.AudioResampler("flt").resample(frame)[0]
    samples = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, len(names))
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples / np.float32(-float(np.iinfo(samples.dtype).min))
    return to_stereo(samples.astype(np.float32, copy=False), names)


# Programs that write wav to their standard output


def _command(program: str, kind: Kind, path: Path | None) -> list[str]:
    given = [
        "-nostdin",
        "-nostats",
        "-v",
        "level+info",
        "-protocol_whitelist",
        "file,pipe",
        "-f",
        kind.demuxer,
        "-i",
        f"file:{path}",
    ]
    return [program, *given, "-vn", "-sn", "-dn", "-c:a", "pcm_f32le", "-bitexact", "-f", "wav", "pipe:1"]


def _from_program(command: list[str], report: Report, kind: Kind | None = None) -> Iterator[Block]:
    import numpy as np

    with tempfile.TemporaryFile() as complaints:
        program: subprocess.Popen[bytes] = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, stdin=subprocess.DEVNULL, creationflags=_NO_WINDOW
        )
        try:
            with program.stdout as output:  # type: ignore[union-attr]
                wave = find_samples(_header(output))
                report.sure = wave is not None
                report.rate, report.channels = (wave.rate, wave.channels) if wave else (0, 0)
                width = 4 * report.channels
                while wave and (block := output.read(_BLOCK * width)):
                    samples = np.frombuffer(block[: len(block) // width * width], np.float32)
                    yield to_stereo(samples.reshape(-1, wave.channels), mask=wave.speakers), wave.rate
            report.errors += bool(program.wait())
            complaints.seek(0)
            _take_in(complaints.read(), report, kind)
        finally:
            program.kill()
            program.wait()


_DURATION = re.compile(rb"^\[info\]   Duration: (\d+):(\d+):([\d.]+)", re.MULTILINE)
_STREAM = re.compile(rb"^\[info\]   Stream #.*: (Audio|Video): ", re.MULTILINE)


def _take_in(said: bytes, report: Report, kind: Kind | None) -> None:
    """Take in what a program wrote beside the samples: complaints, and FFmpeg also what it says of the file."""
    if kind is None:
        report.errors += bool(said)
        return
    report.errors += b"[error]" in said or b"[fatal]" in said
    streams = _STREAM.findall(said)
    if set(streams) == {b"Video"}:
        raise NotAudio("a video without sound", "Pick a file with sound.")
    found = _DURATION.search(said)
    alone = len(streams) <= 2  # what goes out is one; pictures may last longer
    if found and alone and kind.demuxer in _SAY_LENGTH:
        report.announced = 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])


def _header(output: IO[bytes]) -> bytes:
    """A wav's header, up to where its samples begin."""
    head = b""
    while b"data" not in head and (more := output.read(1)):
        head += more
    return head + output.read(4) + bytes(1)


@contextlib.contextmanager
def _on_disk(opener: Opener) -> Iterator[Path]:
    """The same content as a file of its own, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="minimax_nb-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "audio"
        with opener() as content, path.open("wb") as copy:
            shutil.copyfileobj(content, copy, 1 << 20)
        yield path
