"""What goes out: a stretch of a recording at a sane level, as a clean mp3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .kinds import NotAudio
from .recording import RATE, Recording, read
from .window import ENVELOPE_RATE

if TYPE_CHECKING:
    import numpy as np

_KBITS = {1: 128, 2: 192}
"""By the number of channels."""

_MOST_KBITS, _LEAST_KBITS = 320, 32
_QUIET, _USUAL = -35.0, -20.0  # dB below full scale
_HIGHEST = 0.89  # -1 dB: an mp3 comes out a little higher than what went in
_ABOVE = 1.12
_CANCELLED = 0.01  # in power, of what the two sides have in common
_SILENT_SIDE = 1e-5  # in power, against the other side
_UNHEARD = 10 ** (-50 / 20)  # against the loudest moment


def trim(recording: Recording, shortest: float) -> Recording:
    """Leave out silence before and after, as long as the rest is not too short.

    Parameters
    ----------
    recording : Recording
    shortest : float
        In seconds.

    Returns
    -------
    Recording
    """
    import numpy as np

    first = round(recording.start * ENVELOPE_RATE)
    count = -(-len(recording.samples) * ENVELOPE_RATE // RATE)
    levels = recording.info.envelope[first : first + count]
    audible = np.flatnonzero(levels > levels.max(initial=0.0) * _UNHEARD)
    if not len(audible):
        return recording
    least = min(round(shortest * ENVELOPE_RATE) + 1, count)
    # Half a second of it is a breath, more is none of the song.
    start = min(max(0, int(audible[0]) - 5), count - least)
    end = max(min(count, int(audible[-1]) + 6), start + least)
    samples = recording.samples[start * RATE // ENVELOPE_RATE : end * RATE // ENVELOPE_RATE]
    return Recording(recording.info, recording.start + start / ENVELOPE_RATE, samples)


def polish(samples: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Take the offset out of a recording, and bring its level and its sides to where they sound right.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape (n, 1) or (n, 2); full scale is 1. They are changed.

    Returns
    -------
    numpy.ndarray
        The same, or with one side only.
    list of str
        What was done, in plain sentences.
    """
    import numpy as np

    samples -= samples.mean(axis=0)
    samples, done = _sides(samples)
    peak = float(np.abs(samples).max(initial=0.0))
    level = _level(samples)
    if level < _QUIET and peak:
        gain = min(10 ** ((_USUAL - level) / 20), _HIGHEST / peak)
        done += ["It is very quiet and is sent louder."] if gain > _ABOVE else []
        samples *= np.float32(gain)
    elif peak > 1:
        done += ["It is above full scale and is sent softer, so that nothing is clipped."] if peak > _ABOVE else []
        samples *= np.float32(_HIGHEST / peak)
    return samples, done


def _sides(samples: np.ndarray) -> tuple[np.ndarray, list[str]]:
    import numpy as np

    if samples.shape[1] < 2:
        return samples, []
    power = np.einsum("nc,nc->c", samples, samples)
    if power.min() < power.max() * _SILENT_SIDE:
        return samples[:, power.argmax()][:, None], ["One of its sides is silent; the other one is sent."]
    together = samples.sum(axis=1)
    if together @ together < power.sum() * _CANCELLED:
        samples[:, 1] *= -1
        return samples, ["Its two sides cancel each other out; one of them is turned round."]
    return samples, []


def _level(samples: np.ndarray) -> float:
    """The level of what is audible, in dB below full scale: pauses do not count."""
    import numpy as np

    hop = RATE // ENVELOPE_RATE
    power = np.array([np.mean(np.square(samples[at : at + hop])) for at in range(0, len(samples), hop)])
    audible = power[power > power.max(initial=0.0) / 1000]
    return 10 * float(np.log10(audible.mean())) if len(audible) else float("-inf")


def write_mp3(samples: np.ndarray, path: Path, *, shortest: float = 0.0) -> None:
    """Write samples as mp3 at 44.1 kHz: 128 kbit/s in mono, 192 in stereo.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape (n, 1) or (n, 2), at `RATE`.
    path : pathlib.Path
        Overwritten if it is there.
    shortest : float
        In seconds; less is followed by silence up to there.
    """
    import numpy as np
    import soundfile

    channels = samples.shape[1]
    level = (_MOST_KBITS - _KBITS[channels]) / (_MOST_KBITS - _LEAST_KBITS)
    mp3 = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": level}
    silence = np.zeros((max(0, round(shortest * RATE) - len(samples)), channels), dtype=np.float32)
    with soundfile.SoundFile(path, "w", samplerate=RATE, channels=channels, **mp3) as file:
        for at in range(0, len(samples), RATE):
            file.write(np.clip(samples[at : at + RATE], -1, 1))
        file.write(silence)


def write_excerpt(source: Path | bytes, destination: Path, *, start: float, seconds: float) -> None:
    """Cut a piece out of a sound file and write it as mp3, as it would be sent.

    Parameters
    ----------
    source : pathlib.Path or bytes
    destination : pathlib.Path
        Overwritten if it is there.
    start, seconds : float
        Where the piece begins and how long it is, in seconds.

    Raises
    ------
    NotAudio
        When there is nothing to be decoded.
    OSError
    """
    recording = read(source, start=start, seconds=seconds, whole=False)
    if not len(recording.samples):
        raise NotAudio("shorter than that")
    write_mp3(polish(recording.samples)[0], destination)
