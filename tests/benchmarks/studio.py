"""How long a studio takes to be made and to be shown, in milliseconds: `python -m tests.benchmarks.studio`."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

from minimax_nb import MusicStudio, Session, Song, Status

TIMES = 20
SONGS = 500


def milliseconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    """Print both, with a library of many songs."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(rehearse=True, home=folder)
        song = Song("", Status.COMPLETED, datetime.now(timezone.utc), rehearsal=True)
        for number in range(SONGS):
            session.journal.add(replace(song, request_id=f"r{number}", id=f"g{number}"))
        made, shown = zip(*(figures(session) for _ in range(TIMES)), strict=True)
    for name, each in (("made", made[1:]), (f"shown, with {SONGS} songs in the library", shown[1:])):
        print(f"{name}: fastest {min(each):.1f} ms, median {statistics.median(each):.1f} ms, most {max(each):.1f} ms")
    print(f"the first one, with what it imports: {made[0]:.1f} ms")


def figures(session: Session) -> tuple[float, float]:
    """Make a studio and show it."""
    studios: list[MusicStudio] = []
    return (
        milliseconds(lambda: studios.append(MusicStudio(session=session))),
        milliseconds(lambda: studios[0]._repr_mimebundle_()),
    )


if __name__ == "__main__":
    main()
