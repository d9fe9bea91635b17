"""A class that clicks at the same moment: real kernels with a studio each, at one room or with a service each.

`python -m tests.benchmarks.classroom` prints the tables of the room and of a Dask cluster, and fails where the room
is slower or larger than it must be. About eight minutes for a class of thirty on two cores.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import psutil
from jupyter_client import BlockingKernelClient

from minimax_nb import lyrics, play_sample
from tests.support import until
from tests.support.cluster import running_cluster
from tests.support.home import end_rehearsal
from tests.support.kernels import run_cell, running_kernel
from tests.support.room import RunningRoom, running_room

MB = 1e6
LIMITS = {"last": 100.0, "median": 55.0, "room": 700.0, "kernel": 130.0, "failed": 0.0, "left": 0.0}
PATIENCE = 900

_PREPARE = """
import os, time
os.environ["MINIMAX_NB_HOME"] = {home!r}
os.environ["MINIMAX_NB_ROOM"] = {room!r}
from minimax_nb import MusicStudio
studio = MusicStudio({words!r}, {reference!r})
studio._repr_mimebundle_()
studio.on_song(lambda song: open("ready.txt", "w").write(str(time.time())))
for _ in range(200):
    if studio._store.state.reference.source is not None:
        break
    time.sleep(0.05)
"""
_CLICK = """studio._generate.click()"""


@dataclass(frozen=True)
class Outcome:
    """What a class saw: seconds from the click to each first song, and megabytes."""

    seconds: list[float]
    students: int
    services: float
    kernel: float
    left: int

    @property
    def failed(self) -> int:
        """How many had no song."""
        return self.students - len(self.seconds)

    def row(self, name: str) -> str:
        """As a line of the table."""
        first, median, last = min(self.seconds), statistics.median(self.seconds), max(self.seconds)
        times = f"{first:.0f} / {median:.0f} / {last:.0f} s"
        return f"| {name} | {times} | {self.failed} | {self.services:.0f} MB | {self.kernel:.0f} MB | {self.left} |"

    def misses(self) -> Iterator[str]:
        """What is beyond a limit."""
        found = {
            "last": max(self.seconds, default=1e9), "median": statistics.median(self.seconds or [1e9]),
            "room": self.services, "kernel": self.kernel, "failed": self.failed, "left": self.left,
        }  # fmt: skip
        yield from (
            f"{name}: {found[name]:.0f}, at most {most:.0f}" for name, most in LIMITS.items() if found[name] > most
        )


@contextmanager
def largest(processes: Callable[[], list[psutil.Process]]) -> Iterator[list[float]]:
    """Measure the largest resident memory of some processes together, in MB, twice a second."""
    found, end = [0.0], Event()

    def measure() -> None:
        while not end.wait(0.5):
            found[0] = max(found[0], sum(map(resident, processes())))

    thread = Thread(target=measure, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        end.set()
        thread.join()


def resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss / MB)
    except psutil.Error:
        return 0.0


def click_together(
    folder: Path, students: int, room: str, services: Callable[[], list[psutil.Process]]
) -> tuple[list[float], float, float]:
    """Prepare a studio in each kernel, click in all; seconds, MB of the services, MB of the largest kernel."""
    reference = play_sample(folder / "reference.mp3")
    seats = [folder / f"student-{number}" for number in range(students)]
    with ExitStack() as stack:
        kernels: list[BlockingKernelClient] = []
        for number, seat in enumerate(seats):
            seat.mkdir()
            kernels.append(stack.enter_context(running_kernel(sys.executable, seat)))
            words = f"{lyrics.SAMPLE}\nSong number {number + 1}"
            code = _PREPARE.format(home=str(seat / "home"), room=room, words=words, reference=str(reference))
            reply = run_cell(kernels[-1], code).reply
            assert reply["status"] == "ok", reply
        with largest(services) as memory:
            began = time.time()
            for kernel in kernels:
                kernel.execute(_CLICK)
            wait_for(lambda: all((seat / "ready.txt").exists() for seat in seats))
            time.sleep(1)
        pids = [kernel.manager.provisioner.process.pid for kernel in kernels]
        kernel_memory = max(resident(psutil.Process(pid)) for pid in pids)
        problems = {run_cell(kernel, "print(studio.error)").text.strip() for kernel in kernels}
        print(*(problems - {"None"}), sep="\n", end="", file=sys.stderr)
    ready = [float((seat / "ready.txt").read_text()) for seat in seats if (seat / "ready.txt").exists()]
    return [moment - began for moment in ready], memory[0], kernel_memory


def wait_for(happened: Callable[[], bool]) -> None:
    try:
        until(happened, PATIENCE)
    except AssertionError:
        print(f"not all are ready after {PATIENCE} s", file=sys.stderr)


def at_one_room(students: int) -> Outcome:
    """A class at one room."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with running_room(folder / "teacher", "--band", "house") as room:

            def services() -> list[psutil.Process]:
                return [psutil.Process(room.process.pid), *room.children]

            seconds, memory, kernel = click_together(folder, students, room.address.base_url, services)
            _, alive = psutil.wait_procs(room.end(), 10)
        return Outcome(seconds, students, memory, kernel, len(alive) + left_here())


def with_a_service_each(students: int) -> Outcome:
    """The same class, each with a home and a service of their own."""
    with TemporaryDirectory() as name:
        folder = Path(name)

        def services() -> list[psutil.Process]:
            here = [
                each
                for each in psutil.process_iter(["cmdline"])
                if str(folder) in " ".join(each.info["cmdline"] or ())
            ]
            return [each for each in here if "minimax_nb.rehearsal" in each.info["cmdline"]]

        seconds, memory, kernel = click_together(folder, students, "", services)
        left = len(services())
        for number in range(students):
            end_rehearsal(folder / f"student-{number}" / "home")
        return Outcome(seconds, students, memory, kernel, left)


def left_here() -> int:
    """How many processes are left that this one has started."""
    time.sleep(2)
    return len(psutil.Process().children(recursive=True))


def songs_on_a_cluster(workers: int, songs: int, *, kill: bool = False) -> tuple[float, int]:
    """Make songs at a room with a cluster; seconds, and how many were lost."""
    with (
        TemporaryDirectory() as name,
        running_cluster(Path(name) / "cluster", workers, OMP_NUM_THREADS="1") as cluster,
        running_room(Path(name) / "teacher", "--cluster", cluster.address, "--band", "house") as room,
    ):
        made_all(room, workers * 2)  # so that every worker has imported the band
        if kill:
            Thread(target=lambda: (time.sleep(4), cluster.processes[1].kill()), daemon=True).start()
        began = time.monotonic()
        lost = songs - made_all(room, songs)
        return time.monotonic() - began, lost


def made_all(room: RunningRoom, songs: int) -> int:
    """Request songs of as many students at once; how many were made."""

    def one(seed: int) -> bool:
        token = room.join()
        song = room.submit(token, seed=seed, prompt=f"##{lyrics.SAMPLE}##").json()["id"]
        while (status := room.retrieve(token, song)["status"]) not in ("completed", "error"):
            time.sleep(0.5)
        return bool(status == "completed")

    with ThreadPoolExecutor(songs) as pool:
        return sum(pool.map(one, range(songs)))


def on_a_cluster(songs: int) -> Iterator[str]:
    """Print the table of the cluster; what is beyond a limit."""
    print(f"\n{songs} songs on a Dask cluster\n\n| workers | seconds | lost |\n| --- | --- | --- |", flush=True)
    alone, _ = songs_on_a_cluster(1, songs)
    print(f"| 1 | {alone:.0f} | 0 |", flush=True)
    together, _ = songs_on_a_cluster(2, songs)
    print(f"| 2 | {together:.0f}, {alone / together:.2f} × as fast | 0 |", flush=True)
    killed, lost = songs_on_a_cluster(2, songs, kill=True)
    print(f"| 2, one killed in the middle | {killed:.0f} | {lost} |", flush=True)
    yield from ["two workers are not 1.7 × as fast"] if alone / together < 1.7 else []
    yield from [f"{lost} songs were lost"] if lost else []


def main() -> int:
    """Print the tables."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing of it is left behind
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--songs", type=int, default=24, help="on the cluster")
    parser.add_argument("--only", choices=("room", "each", "cluster"))
    given = parser.parse_args()
    wanted = (given.only,) if given.only else ("room", "each", "cluster")
    misses: list[str] = []
    if {"room", "each"} & set(wanted):
        print(f"{given.students} kernels, a click at the same moment\n")
        print("| | first / median / last song | failed | services, together | largest kernel | processes left |")
        print("| --- | --- | --- | --- | --- | --- |")
    if "room" in wanted:
        outcome = at_one_room(given.students)
        print(outcome.row("one room"), flush=True)
        misses += outcome.misses()
    if "each" in wanted:
        print(with_a_service_each(given.students).row("a home and a service each"), flush=True)
    if "cluster" in wanted:
        misses += on_a_cluster(given.songs)
    print(*misses, sep="\n", file=sys.stderr)
    return int(bool(misses))


if __name__ == "__main__":
    sys.exit(main())
