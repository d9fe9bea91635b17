"""Sound as a picture; matplotlib, the extra `plot`, is imported when something is drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

from .. import audio
from ..audio.timeline import Timeline
from ..errors import InvalidInput, install

if TYPE_CHECKING:
    from .picture import Picture


def plot(sound: str | os.PathLike[str], timeline: Timeline | None = None, title: str | None = None) -> Picture:
    """Draw a sound file: waveform, loudness (dBFS over 0.4 s) and spectrogram (Hz, dB) over the seconds.

    Parameters
    ----------
    sound : path
        A song or a reference: wav, mp3, flac or ogg.
    timeline : Timeline, optional
        Which syllable is sung when, as a rehearsed song knows; drawn above the waveform.
    title : str, optional
        By default the file's name.

    Returns
    -------
    Picture
        A `matplotlib.figure.Figure`, which a cell shows; ``picture.savefig("song.png")`` keeps it,
        ``picture.alt`` says in words what is to be seen.

    Raises
    ------
    InvalidInput
        When the file cannot be read, and when matplotlib is not installed.

    Examples
    --------
    >>> from minimax_nb import play_sample, plot
    >>> plot(play_sample("reference.mp3"))  # doctest: +SKIP
    <Picture: reference.mp3, 24 seconds, drawn over time: ...>
    """
    path = Path(sound).expanduser()
    try:
        from .picture import draw
    except ImportError:
        raise InvalidInput(
            "Pictures need matplotlib, which is not installed.", do=f"Install it with: {install('plot')}"
        ) from None
    try:
        return draw(path, timeline, title or path.name)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except (audio.NotAudio, soundfile.LibsndfileError):
        raise InvalidInput(f"{path.name} is not audio that can be read here.") from None
