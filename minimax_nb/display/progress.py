"""What a waiting person sees: a bar in a notebook, one moving line on a terminal, plain lines in a pipe."""

from __future__ import annotations

import html
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from types import TracebackType
from typing import Any, Protocol

from ..song import Song, Status
from .environment import in_notebook

USUAL_SECONDS = {False: 40.0, True: 10.0}
"""How long a song usually takes, hosted and rehearsed."""


def say(text: str) -> bool:
    """Say one line to the person; return whether it was said.

    In a notebook below the cell, else on standard error, so that standard output stays clean for scripts.
    A worker thread prints nothing: its output would land in whichever cell is running.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    print(text, file=sys.stdout if in_notebook() else sys.stderr, flush=True)
    return True


def clock(seconds: float) -> str:
    """Minutes and seconds, as in ``1:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def share(elapsed: float, usual: float) -> float:
    """How much of a bar to fill, 0 to 1; it nears its end but does not claim to be there."""
    return 1 - 1 / (1 + 2 * elapsed / usual)


class Progress:
    """Shows how far a wait has come, while it is entered.

    Parameters
    ----------
    usual : float
        How long it usually takes, in seconds.
    """

    def __init__(self, usual: float) -> None:
        self._usual = usual
        self._start = time.monotonic()
        self._shown = ""
        self._handle: Any = None
        self._quiet = threading.current_thread() is not threading.main_thread()
        self._notebook = in_notebook()
        self._terminal = not self._notebook and sys.stderr is not None and sys.stderr.isatty()

    def show(self, state: str) -> None:
        """Show a state such as ``generating``; called as often as wished."""
        if self._quiet:
            return
        elapsed = time.monotonic() - self._start
        label = f"{state} · {clock(elapsed)}"
        # In a pipe only a new state is worth a line; on a screen a new second is, too.
        news = label if self._notebook or self._terminal else state
        if news == self._shown:
            return
        self._shown = news
        if self._notebook:
            self._draw(label, share(elapsed, self._usual))
        elif self._terminal:
            print(f"\r\x1b[K{label}", end="", file=sys.stderr, flush=True)
        else:
            print(f"{clock(elapsed)} {state}", file=sys.stderr, flush=True)

    def _draw(self, label: str, full: float) -> None:
        from IPython.display import display

        bundle = {
            "text/plain": label,
            "text/html": f'<progress max="1" value="{full:.3f}" style="width:16em"></progress> {html.escape(label)}',
        }
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def clear(self) -> None:
        """Make room on a terminal for a line that stays."""
        if self._terminal and self._shown and not self._quiet:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
        if self._handle is not None:
            how = "stopped" if kind else "ready"
            self._handle.update({"text/plain": f"{how} · {clock(time.monotonic() - self._start)}"}, raw=True)


class Tracked(Protocol):
    """Songs on their way; iterating yields each change of one, and None several times a second in between."""

    songs: list[Song]

    def __iter__(self) -> Generator[Song | None, None, None]:
        """Track them to their end."""


def with_progress(tracked: Tracked, *, say_ready: bool = False) -> Iterator[Song | None]:
    """Show a progress bar while songs are tracked; an interrupt says where they are.

    Parameters
    ----------
    tracked : Tracked
    say_ready : bool
        Whether each song that gets ready is said in a line of its own.

    Yields
    ------
    Song or None
        What `tracked` yields.
    """
    usual = USUAL_SECONDS[all(song.rehearsal for song in tracked.songs)]
    try:
        # A traceback may keep this frame for long; the polls end now, whatever ends the wait.
        with Progress(usual) as progress, closing(iter(tracked)) as changes:
            progress.show(state := _state(tracked.songs))
            for song in changes:
                if say_ready and song is not None and song.status is Status.COMPLETED:
                    progress.clear()
                    say(f"{song.title}: ready, {song.path}")
                if song is not None:
                    state = _state(tracked.songs)
                progress.show(state)
                yield song
    except KeyboardInterrupt:
        say(_left_open(tracked.songs))
        raise


def _state(songs: Iterable[Song]) -> str:
    songs = list(songs)
    if len(songs) == 1:
        return " · ".join(str(each) for each in (songs[0].status, songs[0].place) if each)
    ready = sum(song.status.final for song in songs)
    return f"{ready} of {len(songs)} songs ready"


def _left_open(songs: Iterable[Song]) -> str:
    waiting = [song for song in songs if not song.status.final]
    names = ", ".join(repr(song.id or song.request_id) for song in waiting[:3])
    charged = "" if all(song.rehearsal for song in waiting) else " and charged"
    return f"Stopped waiting. It may still be made{charged}; it is in your library: wait({names}) or recover()."
