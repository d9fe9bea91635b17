"""Write a master to an audio file whose true peak, once decoded, stays below the ceiling."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from .instruments import RATE, Audio
from .mixer import CEILING, true_peak

# The lowest and highest bitrate of mp3 in kbit/s: below 32 kHz, and from there on.
LOW_RATES, HIGH_RATES = (8, 160), (32, 320)


def write_audio(
    sound: Audio,
    destination: Path,
    *,
    title: str,
    comment: str,
    format: str = "mp3",
    sample_rate: int = RATE,
    bitrate: int | None = None,
) -> None:
    """Encode a master; as long as the encoder overshoots the ceiling, again and softer by more than as much.

    Parameters
    ----------
    sound : array, shape (samples, 2)
        At `RATE`.
    destination : pathlib.Path
        Overwritten.
    title, comment : str
        Go into the tags.
    format : str
        "mp3" or "wav", which has 16 bits.
    sample_rate : int
        Of the file, in Hz.
    bitrate : int, optional
        Of an mp3, in bits per second, constant; variable, about 170,000, when it is not given.
    """
    if sample_rate != RATE:
        sound = soxr.resample(np.ascontiguousarray(sound), RATE, sample_rate)
    options = _mp3(sample_rate, bitrate) if format == "mp3" else {"format": "WAV", "subtype": "PCM_16"}
    tags = {"title": _tag(title), "comment": _tag(comment)}
    margin = 0.1
    while (over := _encoded_peak(sound, destination, sample_rate, options, tags) - CEILING) > 0:
        sound = sound * np.float32(10 ** (-(over + margin) / 20))
        margin *= 2


def _mp3(sample_rate: int, bitrate: int | None) -> dict[str, Any]:
    """The options of an mp3 for soundfile, where a bitrate is a place between the lowest and the highest."""
    mp3 = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": 0.3}
    if bitrate is None:
        return mp3
    low, high = HIGH_RATES if sample_rate >= 32_000 else LOW_RATES
    level = (high - bitrate / 1000) / (high - low)
    return mp3 | {"bitrate_mode": "CONSTANT", "compression_level": float(np.clip(level, 0, 0.999))}


def _encoded_peak(
    sound: Audio, destination: Path, sample_rate: int, options: dict[str, Any], tags: dict[str, str]
) -> float:
    """Write a file; the true peak in dBTP of what is read back from it."""
    with soundfile.SoundFile(destination, "w", sample_rate, 2, **options) as file:
        file.title, file.comment = tags["title"], tags["comment"]
        file.write(sound)
    return true_peak(soundfile.read(destination, dtype="float32")[0])


def _tag(text: str) -> str:
    """A text without accents and other scripts: libsndfile's mp3 tags are Latin-1 that players read as they like."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip(" ,;:-") or "Song"
