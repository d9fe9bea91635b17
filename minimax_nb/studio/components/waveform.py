"""The picture of a sound, with two handles for an excerpt and a button that plays it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import traitlets

from ..ui import classes
from .component import Component, message_of, read

MOST_PEAKS = 400

Sound = tuple[bytes, str]
"""The bytes of an audio file, and its type, such as ``audio/mpeg``."""


def thinned(values: Iterable[float], most: int = MOST_PEAKS) -> list[float]:
    """Turn an envelope into peaks that fit the picture.

    Parameters
    ----------
    values : iterable of float
        Loudness over time, of any length and scale.
    most : int
        How many peaks there may be.

    Returns
    -------
    list of float
        At most `most`, from 0 to 1; the loudest is 1 unless all is silent.
    """
    levels = [abs(float(value)) for value in values]
    levels = [level if math.isfinite(level) else 0.0 for level in levels]
    count = min(most, len(levels))
    edges = [round(number * len(levels) / count) for number in range(count + 1)] if count else []
    peaks = [max(levels[a:b]) for a, b in pairwise(edges)]
    top = max(peaks, default=0.0)
    return [round(peak / top, 3) for peak in peaks] if top else peaks


class Waveform(Component):
    """A waveform with an excerpt that can be moved by pointer and keyboard, and played.

    The page makes the excerpt fit the sound and the allowed lengths while it is moved.

    Parameters
    ----------
    on_play : callable
        Gives the `Sound` of the excerpt as it stands, in the thread of the message; what it raises is shown.
    minimum, maximum : float
        How short and how long the excerpt may be, in seconds.

    Attributes
    ----------
    peaks : list of float
        At most 400, from 0 to 1.
    duration : float
        Of the whole sound, in seconds.
    start, end : float
        The excerpt, in seconds.
    """

    _esm = read("shared.js", "bars.js", "waveform.js")
    _classes = classes("wave")

    peaks = traitlets.List(traitlets.Float(), maxlen=MOST_PEAKS).tag(sync=True)
    duration = traitlets.Float(0.0, min=0.0).tag(sync=True)
    start = traitlets.Float(0.0).tag(sync=True)
    end = traitlets.Float(0.0).tag(sync=True)
    minimum = traitlets.Float(15.0, min=0.0).tag(sync=True)
    maximum = traitlets.Float(60.0, min=0.0).tag(sync=True)

    def __init__(self, on_play: Callable[[], Sound], *, minimum: float = 15.0, maximum: float = 60.0) -> None:
        self._on_play = on_play
        super().__init__(minimum=minimum, maximum=maximum)

    def show(self, peaks: Iterable[float], duration: float, start: float, end: float) -> None:
        """Draw another sound.

        Parameters
        ----------
        peaks : iterable of float
            Its envelope; see `thinned`.
        duration : float
            In seconds.
        start, end : float
            The excerpt, in seconds.
        """
        # As one message: in between, the old excerpt would lie outside the new sound.
        with self.hold_sync():
            self.problem = ""
            self.peaks, self.duration = thinned(peaks), duration
            self.start, self.end = start, end

    @traitlets.validate("start", "end")
    def _check_finite(self, proposal: Mapping[str, Any]) -> float:
        value = float(proposal["value"])
        if not math.isfinite(value):
            raise traitlets.TraitError("A moment must be a number of seconds.")
        return value

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("type") == "play":
            turn = message.get("turn")
            self._send_sound(turn if type(turn) is int else 0)

    def _send_sound(self, turn: int) -> None:
        self.problem = ""
        try:
            sound, kind = self._on_play()
        except Exception as error:
            self.problem = message_of(error)
            self.send({"type": "silent", "turn": turn})
        else:
            self.send({"type": "sound", "turn": turn, "kind": kind}, [sound])
