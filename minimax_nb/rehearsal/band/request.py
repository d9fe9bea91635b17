"""The seam between server and band: what is requested of whoever plays. Plain data, quick to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class BandRequest:
    """What the band shall play.

    Attributes
    ----------
    model : str
        The requested model; for titles and comments, since what differs between models is said below.
    lyrics : str
        The words without any ``##``, perhaps with tags such as ``[Verse]``; empty when there are none.
    style : str
        The style in words; empty when there is none.
    reference : pathlib.Path or None
        An audio file whose tempo, key and colour are taken; None leaves them to style and seed.
    accompaniment : bool
        Whether instruments accompany the voice.
    instrumental : bool
        Whether there is no voice at all.
    keep_form : bool
        Whether the song is as long as its reference and keeps its form: a cover.
    seed : int
        The same request and seed give the same samples.
    tempo : float or None
        In BPM, 40 to 240.
    key : str or None
        Such as "A minor".
    language : str or None
        Of the words, such as "en".
    seconds : float or None
        The requested length; None leaves it to the band.
    most_seconds : float or None
        The length no song of this model exceeds.
    negative_style : str
        What is not wanted, in words.
    format : str
        "mp3" or "wav".
    sample_rate : int
        In Hz.
    bitrate : int or None
        Of an mp3, in bits per second; None leaves it to the band.
    """

    model: str
    lyrics: str = ""
    style: str = ""
    reference: Path | None = None
    accompaniment: bool = True
    instrumental: bool = False
    keep_form: bool = False
    seed: int = 0
    tempo: float | None = None
    key: str | None = None
    language: str | None = None
    seconds: float | None = None
    most_seconds: float | None = None
    negative_style: str = ""
    format: str = "mp3"
    sample_rate: int = 44_100
    bitrate: int | None = None


class Band(Protocol):
    """Whoever plays: writes the song to `destination`, in the requested format.

    What it returns may have a `timeline`, plain data that says when what is sung. A ValueError says, in words for a
    person, what cannot be used: the reference, the key, the tempo, the language.
    """

    def __call__(self, request: BandRequest, destination: Path) -> object:
        """Play the request into a file."""
