"""When what is sung: the lines of a rehearsed song and their syllables, frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Syllable:
    """A piece of a line as it is sung.

    Attributes
    ----------
    text : str
        As it is written, with the space after a word.
    start, end : float
        In seconds from the beginning of the song.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Line:
    """A line of the lyrics.

    Attributes
    ----------
    syllables : tuple of Syllable
        Their texts joined are the line.
    after_pause : bool
        Whether the singer pauses before it, as the lyrics ask for with an empty line.
    """

    syllables: tuple[Syllable, ...]
    after_pause: bool = False

    @property
    def text(self) -> str:
        """The line as it is written."""
        return "".join(syllable.text for syllable in self.syllables)

    @property
    def start(self) -> float:
        """When its first syllable begins, in s."""
        return self.syllables[0].start

    @property
    def end(self) -> float:
        """When its last syllable ends, in s."""
        return self.syllables[-1].end


@dataclass(frozen=True)
class Timeline:
    """What is sung when.

    Attributes
    ----------
    lines : tuple of Line
        In the order in which they are sung; an instrumental has none.
    language : str
        The one the words were taken for, such as ``"en"``.
    notes : tuple of str
        What the band has to say about the song, a sentence each: words it could not sing, or that it hummed.
    """

    lines: tuple[Line, ...]
    language: str = ""
    notes: tuple[str, ...] = ()

    def line_at(self, seconds: float) -> Line | None:
        """Find the line that is sung at a moment, in seconds; None between two lines."""
        return next((line for line in self.lines if line.start <= seconds < line.end), None)

    def to_data(self) -> dict[str, Any]:
        """As plain data, which `read_timeline` reads."""
        return {
            "language": self.language,
            "lines": [[[s.text, s.start, s.end] for s in line.syllables] for line in self.lines],
            "pauses": [number for number, line in enumerate(self.lines) if line.after_pause],
            "notes": list(self.notes),
        }


def read_timeline(data: object) -> Timeline | None:
    """Read plain data; None where it is not a timeline."""
    if not isinstance(data, dict):
        return None
    try:
        pauses = frozenset(data.get("pauses") or ())
        lines = tuple(
            Line(tuple(_syllable(*row) for row in line), number in pauses)
            for number, line in enumerate(data["lines"])
            if line
        )
        notes = tuple(str(note) for note in data.get("notes") or ())
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return Timeline(lines, str(data.get("language") or ""), notes)


def _syllable(text: object, start: object, end: object) -> Syllable:
    if not isinstance(text, str) or not isinstance(start, int | float) or not isinstance(end, int | float):
        raise TypeError
    if not 0 <= start <= end or not math.isfinite(end):
        raise ValueError
    return Syllable(text, float(start), float(end))
