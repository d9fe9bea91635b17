"""What is in a sound file, measured in one pass; an excerpt of it. Block by block, so that length costs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .kinds import NotAudio

if TYPE_CHECKING:
    import numpy as np
    from soundfile import SoundFile

ENVELOPE_RATE = 10
"""Values a second of `AudioInfo.envelope`."""

# What the mp3 format can hold (ISO/IEC 11172-3 and 13818-3, and the 2.5 extension).
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# A decoder may drop a frame or two of 1,152 samples at the ends of a whole file.
_FRAMES_SPARED = 3 * 1152
_FULL_SCALE = 0.999


@dataclass(frozen=True, eq=False)
class AudioInfo:
    """What one pass over a sound file finds.

    Attributes
    ----------
    format : str
        By content: ``"WAV"``, ``"MP3"``, ``"FLAC"``, ...
    sample_rate : int
        In Hz.
    duration : float
        In seconds, of what could be decoded.
    complete : bool
        Whether as much could be decoded as the file's own header announces.
    envelope : numpy.ndarray
        Root mean square over all channels, shape (n,), `ENVELOPE_RATE` values a second.
    clipped : float
        The share of samples at full scale, 0 to 1.
    """

    format: str
    sample_rate: int
    duration: float
    complete: bool
    envelope: np.ndarray
    clipped: float = 0.0

    @property
    def loudness(self) -> float:
        """The level of the whole, in dB below full scale; minus infinity for silence."""
        import numpy as np

        power = float(np.mean(np.square(self.envelope, dtype=np.float64))) if len(self.envelope) else 0.0
        return 10 * float(np.log10(power)) if power > 0 else float("-inf")


def read_info(source: Path | BinaryIO) -> AudioInfo:
    """Decode a whole file once and say what is in it.

    Parameters
    ----------
    source : pathlib.Path or binary file

    Returns
    -------
    AudioInfo

    Raises
    ------
    NotAudio
        When nothing in it can be decoded.
    """
    import numpy as np
    import soundfile

    try:
        with _opened(source) as file, soundfile.SoundFile(file) as sound:
            hop = max(1, sound.samplerate // ENVELOPE_RATE)
            # Padding a short last block with silence would make its end look quiet: it is measured as it is.
            blocks = sound.blocks(blocksize=hop, dtype="float32", always_2d=True)
            found = [(_level(block), int(np.sum(np.abs(block) >= _FULL_SCALE))) for block in blocks if len(block)]
            decoded = sound.tell()
            return AudioInfo(
                format="WAV" if sound.format in ("WAV", "WAVEX", "RF64") else sound.format,
                sample_rate=sound.samplerate,
                duration=decoded / sound.samplerate,
                complete=decoded + _FRAMES_SPARED >= sound.frames,
                envelope=np.array([level for level, _ in found], dtype=np.float32),
                clipped=sum(full for _, full in found) / max(1, decoded * sound.channels),
            )
    except (soundfile.LibsndfileError, ValueError, ZeroDivisionError) as error:
        raise NotAudio(str(error)) from None


def seconds_of(path: Path) -> tuple[float, bool]:
    """Decode a whole file, and nothing more: how long it is, and whether that is what its header announces.

    Raises
    ------
    NotAudio
        When nothing in it can be decoded.
    """
    import soundfile

    try:
        # By its path, libsndfile reads it without asking Python for every block.
        with soundfile.SoundFile(path) as sound:
            decoded = 0
            with suppress(soundfile.LibsndfileError):  # damaged from here on
                while len(sound.read(1 << 16, dtype="float32")):
                    decoded = sound.tell()
            return decoded / sound.samplerate, decoded + _FRAMES_SPARED >= sound.frames
    except (soundfile.LibsndfileError, ValueError, ZeroDivisionError) as error:
        raise NotAudio(str(error)) from None


def _opened(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    return source.open("rb") if isinstance(source, Path) else nullcontext(source)


def _level(block: np.ndarray) -> float:
    import numpy as np

    return float(np.sqrt(np.mean(np.square(np.nan_to_num(block, posinf=1.0, neginf=-1.0)))))


def write_excerpt(source: Path | BinaryIO, destination: Path, *, start: float, seconds: float) -> None:
    """Cut a piece out of a sound file and write it as mp3, in stereo at the most.

    Parameters
    ----------
    source : pathlib.Path or binary file
        What `read_info` could read.
    destination : pathlib.Path
        Overwritten if it is there.
    start, seconds : float
        Where the piece begins and how long it is, in seconds.
    """
    import numpy as np
    import soundfile

    with _opened(source) as file, soundfile.SoundFile(file) as sound:
        channels = sound.channels if sound.channels <= 2 else 1
        rate = sound.samplerate if sound.samplerate in _MP3_RATES else 44100
        sound.seek(int(start * sound.samplerate))
        mp3 = {"format": "MP3", "subtype": "MPEG_LAYER_III"}
        with soundfile.SoundFile(destination, "w", samplerate=rate, channels=channels, **mp3) as excerpt:
            for block in _resampled(_excerpt(sound, seconds, channels), sound.samplerate, rate, channels):
                excerpt.write(np.clip(block, -1, 1))


def _excerpt(sound: SoundFile, seconds: float, channels: int) -> Iterator[np.ndarray]:
    import numpy as np

    frames = int(seconds * sound.samplerate)
    for block in sound.blocks(blocksize=1 << 15, frames=frames, dtype="float32", always_2d=True):
        block = np.nan_to_num(block, posinf=1.0, neginf=-1.0)
        yield block if block.shape[1] == channels else block.mean(axis=1, keepdims=True)


def _resampled(blocks: Iterator[np.ndarray], rate: int, new_rate: int, channels: int) -> Iterator[np.ndarray]:
    if rate == new_rate:
        yield from blocks
        return
    import numpy as np
    import soxr

    stream = soxr.ResampleStream(rate, new_rate, channels, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros((0, channels), dtype=np.float32), last=True)
