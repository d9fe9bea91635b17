"""Two takes, or a take and its reference, heard side by side at equal loudness."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ... import audio
from ...errors import LibraryError, Spent
from .. import components
from .. import html as drawing
from ..state import Side, Store
from ..ui import Column, Show, button, handler, message_of, put, row, show_if, text


class CompareCard(Column):
    """The card of A and B; it is there once one of them is chosen.

    Parameters
    ----------
    store : Store
        Holds what is compared.
    bring : callable
        Brings this card into view.
    show : callable
        Shows what went wrong.
    """

    def __init__(self, store: Store, bring: Callable[[], object], show: Show) -> None:
        self._store = store
        self._bring = bring
        self._show = show
        self._complete = False
        super().__init__([], "card", "sides", "hidden")

    def complete(self) -> None:
        """Make what it holds, if that is not there; not in a worker thread."""
        if self._complete:
            return
        self._complete = True
        self._words = text()
        self._reference = button("Compare with its reference")
        close = button("Close", "quiet")
        self._sounds = components.Compare()
        head = text(drawing.heading(None, "Side by side"))
        self.children = (head, self._words, self._sounds, row(self._reference, close))
        self._reference.on_click(handler(self._show, self._choose_reference))
        close.on_click(handler(self._show, self._put_away))

    def choose(self, at: int, side: Side) -> None:
        """Take a sound as A (0) or B (1), or put it away where it was that; not in a worker thread."""
        self.complete()
        self._sounds.clear()
        self._store.change(lambda state: state.compared(at, side))
        a, b = self._store.state.sides
        if a and b and self._sounds.seen:
            put(self._words, value=drawing.line("Measuring how loud both are…"))
            self._bring()
            threading.Thread(target=self._load, args=(a, b), name="minimax_nb compare", daemon=True).start()

    def draw(self, sides: tuple[Side | None, Side | None]) -> None:
        """Draw what is chosen."""
        one = sides[0] or sides[1]
        put(self._words, value=drawing.sides_line(*sides, can_play=self._sounds.seen))
        alone = one is not None and not all(sides)
        show_if(self._reference, alone and one is not None and Side(one.song, reference=True).path is not None)
        show_if(self, one is not None)

    def _choose_reference(self) -> None:
        a, b = self._store.state.sides
        one = a or b
        if one is not None:
            self.choose(1 if a else 0, Side(one.song, reference=True))

    def _put_away(self) -> None:
        self._sounds.clear()
        self._store.change(lambda state: replace(state, sides=(None, None)))

    def _load(self, a: Side, b: Side) -> None:
        gains, problem = (0.0, 0.0), ""
        try:
            gains = equal_gains(_path_of(a), _path_of(b))
        except audio.NotAudio as error:
            problem = f"One of the two is {error.what}. {error.do}"
        except Exception as error:
            problem = message_of(error)
        if self._store.state.sides != (a, b):  # the latest pair counts
            return
        put(self._words, value=drawing.line(problem, "bad"))
        if not problem:
            names = drawing.side_name(a), drawing.side_name(b)
            self._sounds.load(lambda: (_path_of(a).read_bytes(), _path_of(b).read_bytes()), names, gains)


def equal_gains(a: Path, b: Path) -> tuple[float, float]:
    """What makes two sound files equally loud, as far as the shorter one goes, by turning the louder one down.

    Returns
    -------
    tuple of float
        In dB, 0 or less.
    """
    seconds = min(audio.check_song(path).seconds or audio.read_info(path).duration for path in (a, b))
    levels = [_loudness(path, path.stat().st_mtime_ns, seconds) for path in (a, b)]
    if not all(map(math.isfinite, levels)):
        return 0.0, 0.0
    return min(levels) - levels[0], min(levels) - levels[1]


@functools.lru_cache(maxsize=256)
def _loudness(path: Path, _changed: int, seconds: float) -> float:
    """The loudness of the beginning of a file in LUFS; a file that was changed is measured anew."""
    from ...rehearsal.band.mixer import loudness  # it loads the band's instruments

    return loudness(audio.read(path, start=0.0, seconds=seconds, whole=False).samples)


def _path_of(side: Side) -> Path:
    path = side.path
    if path is None or not path.exists():
        raise LibraryError(
            f"The file of {drawing.side_name(side)} is gone.", spent=Spent.NO, do="Choose another one."
        )
    return path
