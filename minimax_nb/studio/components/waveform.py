"""The picture of a sound, with two handles for an excerpt and a button that plays it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import traitlets

from ...reference import fit_excerpt
from .component import STYLE, Part, read, said

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


class Waveform(Part):
    """A waveform with an excerpt that can be moved by pointer and keyboard, and played.

    Parameters
    ----------
    on_play : callable, optional
        Gives the `Sound` of the excerpt as it stands (of the whole, when read-only), in the thread of the
        message; what it raises is shown. Without it there is no play button.
    readonly : bool
        Whether there are no handles.
    label : str
        What the picture shows, for those who do not see it.
    minimum, maximum : float
        How short and how long the excerpt may be, in seconds.

    Attributes
    ----------
    peaks : list of float
        At most 400, from 0 to 1.
    duration : float
        Of the whole sound, in seconds.
    start, end : float
        The excerpt, in seconds, as the page has it; `excerpt` is the same within its bounds.
    disabled : bool
    problem : str
    """

    _esm = read("shared.js", "waveform.js")
    _css = STYLE

    peaks = traitlets.List(traitlets.Float(), maxlen=MOST_PEAKS).tag(sync=True)
    duration = traitlets.Float(0.0, min=0.0).tag(sync=True)
    start = traitlets.Float(0.0).tag(sync=True)
    end = traitlets.Float(0.0).tag(sync=True)
    minimum = traitlets.Float(0.0, min=0.0).tag(sync=True)
    maximum = traitlets.Float(60.0, min=0.0).tag(sync=True)
    readonly = traitlets.Bool(False).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    playable = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        on_play: Callable[[], Sound] | None = None,
        *,
        readonly: bool = False,
        label: str = "The sound",
        minimum: float = 15.0,
        maximum: float = 60.0,
    ) -> None:
        self._on_play = on_play
        super().__init__(
            readonly=readonly, label=label, minimum=minimum, maximum=maximum, playable=on_play is not None
        )

    @property
    def excerpt(self) -> tuple[float, float]:
        """Start and end in seconds, always within the sound and the allowed lengths."""
        if self.readonly:
            return 0.0, self.duration
        return self._fitted(self.start, self.end, self.duration)

    def show(self, peaks: Iterable[float], duration: float, start: float = 0.0, end: float | None = None) -> None:
        """Draw another sound.

        Parameters
        ----------
        peaks : iterable of float
            Its envelope; see `thinned`.
        duration : float
            In seconds.
        start, end : float, optional
            The excerpt; as long as may be when there is no end.
        """
        first, last = self._fitted(start, duration if end is None else end, duration)
        # As one message: in between, the old excerpt would lie outside the new sound.
        with self.hold_sync():
            self.problem = ""
            self.peaks, self.duration = thinned(peaks), duration
            self.start, self.end = first, last

    def _fitted(self, start: float, end: float, duration: float) -> tuple[float, float]:
        return fit_excerpt(start, end, duration=duration, shortest=self.minimum, longest=self.maximum)

    @traitlets.validate("start", "end")
    def _be_finite(self, proposal: Mapping[str, Any]) -> float:
        value = float(proposal["value"])
        if not math.isfinite(value):
            raise traitlets.TraitError("A moment is a number of seconds.")
        return value

    def _hear(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("type") == "play" and self._on_play is not None:
            self._send_sound(self._on_play, message.get("turn"))

    def _send_sound(self, on_play: Callable[[], Sound], turn: object) -> None:
        turn = turn if type(turn) is int else 0
        self.problem = ""
        try:
            sound, kind = on_play()
        except Exception as error:
            self.problem = said(error)
            self.send({"type": "silent", "turn": turn})
        else:
            self.send({"type": "sound", "turn": turn, "kind": kind}, [sound])
