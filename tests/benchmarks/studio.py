"""How long a studio takes to be made, and until it is seen: `python -m tests.benchmarks.studio`.

The first is measured here, with a library of many songs. The second is measured in JupyterLab with Chromium, from
the moment the cell is run in a fresh kernel until the studio stands on the page: a kernel each time, so that it
takes some minutes. Then how fast a file is uploaded there, and what a song under way costs: processor time of the
kernel, and messages to the page.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from playwright.sync_api import Browser, WebSocket, sync_playwright

from minimax_nb import MusicStudio, Session, Song, Status
from tests.support.front_ends import (
    CHROMIUM,
    FLAGS,
    LAB,
    Server,
    end_kernel,
    open_notebook,
    run_cells,
    running,
    shown_studio,
    write_notebook,
)
from tests.support.held_band import NAME as HELD
from tests.support.held_band import Held
from tests.support.person import Person, studio_cell, tone
from tests.support.service import audio_bytes, running_service

TIMES = 20
SONGS = 500
PAINTS = 6
LIBRARIES = (0, 200, 500)
UNDER_WAY = 30
MEGABYTES = 40
_ARRIVED = re.compile(r" · [\d.]+ MB in ([\d.]+) s$")
# From running the cell to the end of the frame in which button and drop zone have a size, by the page's clock. Before
# the studio is there nothing is asked at each frame: drawing frames would cost a good part of what is measured.
_SEEN = """() => new Promise(resolve => {
    const began = performance.now();
    const studios = document.getElementsByClassName('mnb-studio');
    const stands = what => [...document.querySelectorAll(`.mnb-studio ${what}`)].some(b => b.getClientRects().length);
    const look = () => stands('.mnb-primary') && stands('.mnb-drop button')
        ? setTimeout(() => resolve(performance.now() - began)) : requestAnimationFrame(look);
    const watch = new MutationObserver(() => {
        if (!studios.length) return;
        watch.disconnect();
        requestAnimationFrame(look);
    });
    watch.observe(document.body, {childList: true, subtree: true});
    (RUN)([0]);
})""".replace("RUN", LAB.run)


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
    speed, cpu, messages = song_under_way()
    print(f"upload in JupyterLab: {speed:.1f} MiB/s, goal ≥ 15")
    print(f"{UNDER_WAY} s of a song under way: {cpu:.2f} s of CPU, goal ≤ 0.3; {messages} messages, goal ≤ 60")


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
    # An installed package is compiled; a kernel that may not write that down would compile all of it each time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
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
            found[songs].append(float(page.evaluate(_SEEN)))
            end_kernel(page, lab)
            page.close()
        chromium.close()
    # The first kernels have compiled what was new.
    return {songs: paints[1:] for songs, paints in found.items()}


def song_under_way() -> tuple[float, float, int]:
    """Upload a file, then watch a song that does not get ready: MiB/s, seconds of CPU of the kernel, messages."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(running(LAB, folder))
        os.environ["MINIMAX_NB_HOME"] = str(lab.home)  # where the band looks
        service = stack.enter_context(running_service(lab.home, band=HELD))
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        stack.callback(chromium.close)
        return watched(chromium, lab, Held(service), folder)


def watched(chromium: Browser, lab: Server, band: Held, folder: Path) -> tuple[float, float, int]:
    """Be the person who uploads, presses the button and waits."""
    messages: list[int] = []

    def count(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: messages.append(len(frame)))

    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    page.on("websocket", count)
    write_notebook(lab, "under way.ipynb", studio_cell(home=str(lab.home)))
    open_notebook(page, lab, "under way.ipynb")
    run_cells(page, lab, 0)
    person = Person(page, shown_studio(page))
    track = folder / "track.wav"
    track.write_bytes(audio_bytes(MEGABYTES * 1e6 / 2 / 44100, kind="WAV"))
    person.upload(track)
    found = _ARRIVED.search(person.sees(_ARRIVED, timeout=60_000).inner_text())
    person.write()
    person.upload(tone(folder, 20))
    person.press("Generate song")
    person.is_at("Making it")
    page.wait_for_timeout(2000)
    messages.clear()
    before = kernel_seconds()
    page.wait_for_timeout(1000 * UNDER_WAY)
    cpu, number = kernel_seconds() - before, len(messages)
    band.let_go()
    person.hears_a_song()
    end_kernel(page, lab)
    page.close()
    return track.stat().st_size / 2**20 / float(found[1]) if found else 0.0, cpu, number


def kernel_seconds() -> float:
    """The processor time of the kernels that this process's server has started."""
    kernels = [
        each for each in psutil.Process().children(recursive=True) if "ipykernel_launcher" in str(each.cmdline())
    ]
    return sum(sum(each.cpu_times()[:2]) for each in kernels)


if __name__ == "__main__":
    main()
