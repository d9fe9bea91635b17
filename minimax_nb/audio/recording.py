"""A sound file in one pass: what is in it, and the stretch of it that is wanted. Length costs no memory."""

from __future__ import annotations

import contextlib
import itertools
import mmap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .decoders import Block, Decoder, Report, decoders
from .kinds import Kind, NotAudio, identify
from .mpeg import Buffer, Stream, find_frames, xing_header
from .riff import Wave, find_samples
from .view import View
from .window import ENVELOPE_RATE, Window

if TYPE_CHECKING:
    import numpy as np

RATE = 44100
"""Of what is kept, in Hz."""

_HOP = RATE // ENVELOPE_RATE
_FULL_SCALE = 0.999
_SPARED = 1.0  # headers differ from what is there by a few frames
_LONGER = 0.05
_HEARD = 0.25  # a loss of so many seconds is audible
_MP3_IN_WAV = (0x50, 0x55)
_RATES = range(1000, 800_000)

OnProgress = Callable[[float], object]


@dataclass(frozen=True, eq=False)
class AudioInfo:
    """What one pass over a sound file finds.

    Attributes
    ----------
    format : str
        By content: ``"WAV"``, ``"MP3"``, ``"M4A"``, ...
    sample_rate : int
        Of the file, in Hz.
    channels : int
        Of the file.
    duration : float
        In seconds, of what could be decoded.
    announced : float
        How long the file says that it is, in seconds; 0 when it does not.
    missing : float
        About how many seconds between its beginning and its end are damaged and left out.
    envelope : numpy.ndarray
        Root mean square over all channels, without any offset, shape (n,), `ENVELOPE_RATE` values a second.
    peak : float
        The largest sample; full scale is 1.
    clipped : float
        The share of samples at full scale, 0 to 1.
    cut : bool
        Whether the mark of its end is missing.
    """

    format: str
    sample_rate: int
    channels: int
    duration: float
    announced: float
    missing: float
    envelope: np.ndarray
    peak: float = 0.0
    clipped: float = 0.0
    cut: bool = False

    @property
    def complete(self) -> bool:
        """Whether it is as long as it says, up to the mark of its end."""
        return self.duration + self.missing + _SPARED >= self.announced and not self.cut

    @property
    def lack(self) -> str:
        """What follows upon how many seconds "are there", when it is not complete."""
        return ", and the mark of its end is missing" if self.cut else f" of the {self.announced:.0f} s it announces"

    @property
    def loudness(self) -> float:
        """The level of the whole, in dB below full scale; minus infinity for silence."""
        import numpy as np

        power = float(np.mean(np.square(self.envelope, dtype=np.float64))) if len(self.envelope) else 0.0
        return 10 * float(np.log10(power)) if power > 0 else float("-inf")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is wrong with it although it can be used, in plain sentences."""
        found = []
        if self.missing >= _HEARD:
            found.append(f"About {self.missing:.1f} s of it are damaged and left out.")
        if not self.complete:
            much = self.cut or self.duration < 0.9 * self.announced
            gone = f"{self.duration:.0f} s are there{self.lack}."
            found.append(f"{'It is cut off' if much else 'Some is missing'}: {gone}")
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Recording:
    """What is in a sound file, and a stretch of it.

    Attributes
    ----------
    info : AudioInfo
        Of the whole.
    start : float
        Where the stretch begins, in seconds.
    samples : numpy.ndarray
        The stretch, shape (n, 1) or (n, 2), at `RATE`.
    """

    info: AudioInfo
    start: float
    samples: np.ndarray

    @property
    def seconds(self) -> float:
        """How long the stretch is."""
        return len(self.samples) / RATE


def read_info(source: Path | bytes) -> AudioInfo:
    """Decode a whole file once and say what is in it.

    Parameters
    ----------
    source : pathlib.Path or bytes

    Returns
    -------
    AudioInfo

    Raises
    ------
    NotAudio
        When nothing in it can be decoded.
    OSError
        When it cannot be read.

    Examples
    --------
    >>> round(read_info(Path("song.mp3")).duration)
    61
    """
    return read(source, seconds=0).info


def read(
    source: Path | bytes,
    *,
    start: float | None = None,
    seconds: float = 60.0,
    whole: bool = True,
    on_progress: OnProgress | None = None,
) -> Recording:
    """Decode a whole file once: say what is in it and keep a stretch.

    Parameters
    ----------
    source : pathlib.Path or bytes
    start : float, optional
        Where the stretch begins, in seconds; else where it is liveliest.
    seconds : float
        How long it is, at most.
    whole : bool
        Whether to go on behind the stretch, so that what is said of the file is true of all of it.
    on_progress : callable, optional
        Called now and then with the share that is done, 0 to 1.

    Returns
    -------
    Recording

    Raises
    ------
    NotAudio
        When nothing in it can be decoded.
    OSError
        When it cannot be read.
    """
    with _mapped(source) as data:
        kind, wave = _identify(data)
        opener = _content(source, kind, wave, data)
    path = source if isinstance(source, Path) and not kind.start and not kind.stream and not wave else None
    best: Recording | None = None
    problem = NotAudio(
        f"{kind.words} that is damaged or cut off: nothing of it can be played", "Copy or export it again."
    )
    for decoder in decoders(kind, opener, path, wave):
        report, window = Report(), Window(seconds, start)
        try:
            totals = _scan(decoder, report, window, on_progress, whole)
        except NotAudio as error:
            problem = error
            continue
        info = _info(kind, wave, report, window, totals)
        if info.duration > (best.info.duration + _LONGER if best else 0):
            best = _recording(info, window, start, seconds)
        if best and report.sure and not report.errors:
            if window.passed and not whole:
                return best  # what is behind the stretch was not looked at
            if best.info.complete:
                break
    there = kind.stream.seconds if kind.stream else 0.0
    if best is None or (problem.lacking and best.info.duration + _SPARED < there):
        raise problem
    return best


def _info(
    kind: Kind, wave: Wave | None, report: Report, window: Window, totals: tuple[float, float, float]
) -> AudioInfo:
    import numpy as np

    announced, missing = max(report.announced, totals[0] * kind.whole), report.gaps
    if kind.stream:
        frame = kind.stream.runs[0]
        announced = kind.stream.announced
        missing = kind.stream.missing + report.errors * frame.samples / frame.rate
    elif wave:
        # In proportion, as bytes a second are a guess where samples are compressed.
        announced = totals[0] * wave.announced / max(1, wave.size)
    envelope = np.array(window.levels, dtype=np.float32)
    seconds, peak, clipped = totals
    return AudioInfo(
        kind.name, report.rate, report.channels, seconds, announced, missing, envelope, peak, clipped, kind.cut
    )


def _recording(info: AudioInfo, window: Window, start: float | None, seconds: float) -> Recording:
    """What the window kept, cut to the sample where a start was requested."""
    samples = _joined(window.take())
    first = 0 if start is None else round((start - window.start) * RATE)
    return Recording(info, window.start + first / RATE, samples[first : first + round(seconds * RATE)])


@contextlib.contextmanager
def _mapped(source: Path | bytes) -> Iterator[Buffer]:
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if not size:
        raise NotAudio("empty", "Copy or download it again.")
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _identify(data: Buffer) -> tuple[Kind, Wave | None]:
    kind = identify(data)
    wave = find_samples(data, kind.start) if kind.demuxer == "wav" else None
    if wave and wave.rate not in _RATES:
        what = f"a wav file whose header claims {wave.rate} samples a second, as no recording has"
        raise NotAudio(what, "Export it again, as mp3 or wav.")
    if wave and wave.codec in _MP3_IN_WAV:
        stream = find_frames(data, wave.ranges[0][0])
        kind = Kind("WAV", ".wav", "mp3", kind.start, stream) if stream else kind
    return kind, wave


def _content(source: Path | bytes, kind: Kind, wave: Wave | None, data: Buffer) -> Callable[[], BinaryIO]:
    """How to open what of a file is sound."""
    ranges, head = [(kind.start, len(data))], b""
    if kind.stream:
        ranges, head = _frames(data, kind.stream)
    elif wave:
        ranges, head = list(wave.ranges), wave.header()
    return lambda: BufferedReader(View(source, ranges, head), 1 << 16)


def _frames(data: Buffer, stream: Stream) -> tuple[list[tuple[int, int]], bytes]:
    """Where the frames are; and a header for them, unless their own is right."""
    ranges = [(run.start, run.end) for run in stream.runs]
    if stream.free or len({run.rate for run in stream.runs}) > 1:
        return ranges, b""
    if stream.header and not stream.missing and stream.counted == sum(run.frames for run in stream.runs):
        return [(stream.header.start, stream.header.end), *ranges], b""
    return ranges, xing_header(data, stream)


def _scan(
    decoder: Decoder, report: Report, window: Window, on_progress: OnProgress | None, whole: bool
) -> tuple[float, float, float]:
    """Let everything go by a window; give the length in seconds, the peak, and the share at full scale."""
    measure = _Measure()
    for level, samples in _hops(_resampled(measure.through(decoder(report)))):
        window.add(level, samples)
        if on_progress and len(window.levels) % (10 * ENVELOPE_RATE) == 0:
            on_progress(min(1.0, report.done))
        if window.passed and not whole:
            break
    return measure.seconds, measure.peak, measure.clipped / max(1, measure.count)


class _Measure:
    """Counts what goes by, before anything is done to it."""

    def __init__(self) -> None:
        self.peak = 0.0
        self.clipped = self.count = 0
        self._lengths: Counter[int] = Counter()

    @property
    def seconds(self) -> float:
        return sum(samples / rate for rate, samples in self._lengths.items())

    def through(self, blocks: Iterator[Block]) -> Iterator[Block]:
        import numpy as np

        for samples, rate in blocks:
            if not np.isfinite(samples).all():
                samples = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
            size = np.abs(samples)
            self._lengths[rate] += len(samples)
            self.peak = max(self.peak, float(size.max(initial=0.0)))
            self.clipped += int(np.count_nonzero(size >= _FULL_SCALE))
            self.count += size.size
            yield samples, rate


def _resampled(blocks: Iterator[Block]) -> Iterator[np.ndarray]:
    import numpy as np
    import soxr

    for (rate, channels), group in itertools.groupby(blocks, key=lambda block: (block[1], block[0].shape[1])):
        if rate == RATE:
            yield from (samples for samples, _ in group)
            continue
        stream, offset = soxr.ResampleStream(rate, RATE, channels, dtype="float32"), None
        for samples, _ in group:
            # An offset would begin with a jump, which rings.
            offset = samples.mean(axis=0) if offset is None else offset
            yield stream.resample_chunk(samples - offset)
        yield stream.resample_chunk(np.zeros((0, channels), dtype=np.float32), last=True)


def _hops(blocks: Iterator[np.ndarray]) -> Iterator[tuple[float, np.ndarray]]:
    """Cut into tenths of a second, each with its level: what is constant is no sound and does not count."""
    import numpy as np

    rest = np.zeros((0, 1), dtype=np.float32)
    for block in blocks:
        joined = np.concatenate(_alike(rest, block)) if len(rest) else block
        count = len(joined) // _HOP
        hops = joined[: count * _HOP].reshape(count, _HOP, joined.shape[1])
        yield from zip(np.sqrt(hops.var(axis=1).mean(axis=1)).tolist(), hops, strict=True)
        rest = joined[count * _HOP :]
    if len(rest):
        yield float(np.sqrt(rest.var(axis=0).mean())), rest


def _joined(pieces: list[np.ndarray]) -> np.ndarray:
    """All pieces as one, without holding them twice."""
    import numpy as np

    channels = max((piece.shape[1] for piece in pieces), default=1)
    samples = np.empty((sum(map(len, pieces)), channels), dtype=np.float32)
    end = len(samples)
    while pieces:
        piece = pieces.pop()
        samples[end - len(piece) : end] = piece
        end -= len(piece)
    return samples


def _alike(*pieces: np.ndarray) -> list[np.ndarray]:
    """Pieces of the same number of channels: one becomes two where others have two."""
    import numpy as np

    channels = max(piece.shape[1] for piece in pieces)
    return [piece if piece.shape[1] == channels else np.repeat(piece, channels, axis=1) for piece in pieces]
