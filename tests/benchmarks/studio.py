"""How long a studio takes to be made, and until it is seen: `python -m tests.benchmarks.studio`.

The first is measured here, with a library of many songs. The second is measured in JupyterLab with Chromium, from
the moment the cell is run in a fresh kernel until the studio stands on the page.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from minimax_nb import MusicStudio, Session, Song, Status
from tests.support.front_ends import (
    CHROMIUM,
    FLAGS,
    LAB,
    end_kernel,
    open_notebook,
    run_cells,
    running,
    write_notebook,
)
from tests.support.person import studio_cell

TIMES = 20
SONGS = 500
PAINTS = 5
LIBRARIES = (0, 200, 500)
# The moment at which the studio has a size, by the clock of the page; checked at each frame.
_SEEN = """() => new Promise(resolve => {
    const began = performance.now();
    const check = () => document.querySelector('.mnb-studio button')?.getClientRects().length
        ? resolve(performance.now() - began) : requestAnimationFrame(check);
    check();
})"""


def milliseconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    """Print both, with a library of many songs."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(rehearse=True, home=folder)
        fill(session, SONGS)
        made, shown = zip(*(figures(session) for _ in range(TIMES)), strict=True)
    for name, each in (("made", made[1:]), (f"shown, with {SONGS} songs in the library", shown[1:])):
        print(f"{name}: fastest {min(each):.1f} ms, median {statistics.median(each):.1f} ms, most {max(each):.1f} ms")
    print(f"the first one, with what it imports: {made[0]:.1f} ms")
    for songs, paints in first_paints().items():
        median, most = statistics.median(paints), max(paints)
        print(f"seen in JupyterLab, {songs} songs in the library: median {median:.0f} ms, most {most:.0f} ms")


def fill(session: Session, songs: int) -> None:
    """Write finished songs into a library."""
    song = Song("", Status.COMPLETED, datetime.now(UTC), rehearsal=True)
    for number in range(songs):
        session.journal.add(replace(song, request_id=f"r{number}", id=f"g{number}"))


def figures(session: Session) -> tuple[float, float]:
    """Make a studio and show it."""
    studios: list[MusicStudio] = []
    return (
        milliseconds(lambda: studios.append(MusicStudio(session=session))),
        milliseconds(lambda: studios[0]._repr_mimebundle_()),
    )


def first_paints() -> dict[int, list[float]]:
    """Run a cell that shows a studio, each time in a kernel of its own, by turns with libraries of several sizes."""
    found: dict[int, list[float]] = {songs: [] for songs in LIBRARIES}
    with tempfile.TemporaryDirectory() as folder, running(LAB, Path(folder)) as lab, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        homes = {songs: str(Path(folder) / f"library{songs}") for songs in LIBRARIES}
        for songs, home in homes.items():
            fill(Session(rehearse=True, home=home), songs)
        for number, songs in enumerate(LIBRARIES * PAINTS):
            page = chromium.new_page(viewport={"width": 1200, "height": 1000})
            name = f"paint{number}.ipynb"
            write_notebook(lab, name, studio_cell(home=homes[songs]))
            open_notebook(page, lab, name)
            run_cells(page, lab, 0)
            found[songs].append(float(page.evaluate(_SEEN)))
            end_kernel(page, lab)
            page.close()
        chromium.close()
    return found


if __name__ == "__main__":
    main()
