"""How densely words are set: the grid of syllables and the rests that keep a song between 20 and 60 s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHORTEST, LONGEST = 21.0, 57.0  # s, a song without its last echo
SUNG_RATE = 3.8  # syllables/s that are understood best
BAR = 4  # beats

# How syllables may fall: the length of a pattern in beats and where in it they start.
GRIDS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (1, (0,)),
    (2, (0, 1, 1.5)),
    (1, (0, 0.5)),
    (2, (0, 0.5, 1, 1.5, 1.75)),
    (1, (0, 0.5, 0.75)),
    *((1, tuple(i / n for i in range(n))) for n in (4, 6, 8, 12, 16, 24, 32)),
)


@dataclass(frozen=True)
class Form:
    """How densely the words are set: a grid of `GRIDS`, what a line is rounded up to, and the rests, in beats."""

    pattern: float
    places: tuple[float, ...]
    whole: float
    breath: float
    pause: float
    intro: float
    ending: float
    tightness: float

    @property
    def step(self) -> float:
        """The mean length of a syllable in beats."""
        return self.pattern / len(self.places)

    def place(self, slot: int) -> float:
        """The beat of a slot, from the start of its line."""
        turns, index = divmod(slot, len(self.places))
        return turns * self.pattern + self.places[index]

    def line_beats(self, count: int) -> float:
        """The length of a line with so many syllables."""
        return float(np.ceil(self.filled(count) / self.whole - 1e-9) * self.whole)

    def filled(self, slots: int) -> float:
        """The beats of so many slots with the hold on the last one and the breath after it."""
        return self.place(slots - 1) + max(self.step, min(1.0, 2 * self.breath)) + self.breath


def choose_form(counts: Sequence[int], tempo: float, accompanied: bool, longest: float = LONGEST) -> Form:
    """The most comfortable setting of lines with so many syllables that is not too long, or the shortest of all."""
    intro = (2 * BAR if tempo >= 60 else BAR) if accompanied else 0
    # The last chord rings for about three seconds, a lone voice for half of that.
    ending = float(np.clip(round((3.2 if accompanied else 1.6) * tempo / 60), 1, 12))
    options = []
    for pattern, places in GRIDS:
        step = pattern / len(places)
        options += [
            Form(pattern, places, 4, 0.5, 4 if tempo < 80 else 8, intro, ending, 0.0),
            Form(pattern, places, 2, 0.5, 4, intro, ending, 0.3),
            Form(pattern, places, 1, step, 2, intro, ending, 0.7),
            Form(pattern, places, 1, 0, 1, min(intro, BAR), ending, 1.5),
            Form(pattern, places, step, 0, step, min(intro, BAR), ending, 2.5),
        ]
    return min(options, key=lambda o: (max(longest, length(counts, o, tempo)), _discomfort(o, tempo)))


def _discomfort(form: Form, tempo: float) -> float:
    """How far a setting is from a relaxed one with the rate of syllables that is understood best."""
    rate = tempo / 60 / form.step
    return 3 * abs(float(np.log2(rate / SUNG_RATE))) + form.tightness


def length(counts: Sequence[int], form: Form, tempo: float) -> float:
    """The length in s of a song with so many syllables in each line, its ending included.

    A line of 0 is a pause, one of -1 a solo, which is as long as two pauses.
    """
    beats = sum(form.line_beats(count) if count > 0 else form.pause * (1 - count) for count in counts)
    return (form.intro + beats + form.ending) * 60 / tempo
