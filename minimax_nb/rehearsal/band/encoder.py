"""Write a master to an audio file whose true peak, once decoded, stays below the ceiling."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import soundfile

from .instruments import RATE, Audio
from .mixer import CEILING, true_peak


def write_mp3(sound: Audio, destination: Path, *, title: str, comment: str) -> None:
    """Encode a master; as long as the encoder overshoots the ceiling, again and softer by more than as much."""
    margin = 0.1
    while (over := _encoded_peak(sound, destination, title, comment) - CEILING) > 0:
        sound = sound * np.float32(10 ** (-(over + margin) / 20))
        margin *= 2


def _encoded_peak(sound: Audio, destination: Path, title: str, comment: str) -> float:
    """Write an mp3; the true peak in dBTP of what is read back from it."""
    with soundfile.SoundFile(
        destination, "w", RATE, 2, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.3
    ) as file:
        file.title, file.comment = _tag(title), _tag(comment)
        file.write(sound)
    return true_peak(soundfile.read(destination, dtype="float32")[0])


def _tag(text: str) -> str:
    """A text without accents and other scripts: libsndfile's mp3 tags are Latin-1 that players read as they like."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip(" ,;:-") or "Song"
