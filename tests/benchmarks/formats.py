"""What becomes of every kind of sound file that people bring: verdict, seconds, memory.

    python -m tests.benchmarks.formats [--only REGEX] [--without av|ffmpeg] [--hours 2]

The files are made on the spot, see `tests/support/sounds.py`. Each is prepared in a process of its own; memory is the
most that process held beyond what it held before. ``--without av`` leaves PyAV out, ``--without ffmpeg`` the program
as well. At the end comes an mp3 of some hours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

from minimax_nb import audio, reference
from minimax_nb.audio import decoders
from minimax_nb.errors import MusicError
from tests.support import sounds

_FORK = multiprocessing.get_context("fork")


def prepared(path: Path, results: multiprocessing.SimpleQueue[tuple[str, float, float, float]]) -> None:
    """Prepare one file and say what came of it, its length, the seconds that took, and the memory in MB."""
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    try:
        found = reference.prepare(path, path.parent / "references")
        assert found.info
        verdict, length = f"taken. {' '.join(found.remarks)}", found.info.duration
    except MusicError as error:
        verdict, length = f"refused: {error.what}", 0.0
    seconds = time.perf_counter() - begun
    results.put((verdict, length, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))


def judge(path: Path) -> tuple[str, float, float, float]:
    """Prepare one file in a process of its own."""
    results = _FORK.SimpleQueue()
    process = _FORK.Process(target=prepared, args=(path, results))
    process.start()
    process.join(300)
    return ("no answer", 0.0, 300.0, 0.0) if results.empty() else results.get()


def show(name: str, verdict: str, length: float, seconds: float, memory: float, mark: str = "") -> None:
    """Print a row."""
    lasts = f"{length:.1f} s" if length else "–"
    print(f"| {mark}{name} | {verdict} | {lasts} | {seconds:.2f} | {memory:.0f} |", flush=True)


def as_expected(case: sounds.Case, verdict: str, length: float) -> bool:
    """Whether a verdict is the one that a player's user would give."""
    if not case.seconds:
        return verdict.startswith("refused") and bool(re.search(case.says, verdict))
    said = re.search(case.says, verdict) if case.says else verdict == "taken. "
    return bool(said) and abs(length - case.seconds) < 0.4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="")
    parser.add_argument("--without", choices=("av", "ffmpeg"))
    parser.add_argument("--hours", type=float, default=2.0)
    options = parser.parse_args()
    names = [name for name in sounds.CASES if re.search(options.only, name)]
    contents = {name: sounds.CASES[name].make() for name in names}
    long_mp3 = sounds.bare(seconds=60, rate=44100, channels=2)
    if options.without:
        sys.modules["av"] = None  # type: ignore[assignment]
    if options.without == "ffmpeg":
        decoders.ffmpeg_program = lambda: ""
    print("| file | verdict | length | seconds | MB |\n| --- | --- | --- | --- | --- |")
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mp3"
        path.write_bytes(sounds.wav())
        reference.prepare(path, path.parent)  # what is imported on first use is no part of any row
        audio.read_info(long_mp3[:400_000])
        for name in names:
            path.write_bytes(contents[name])
            verdict, length, *cost = judge(path)
            fine = as_expected(sounds.CASES[name], verdict, length)
            fine = fine or (options.without == "ffmpeg" and sounds.CASES[name].formats)
            wrong += [] if fine else [name]
            show(name, verdict, length, cost[0], cost[1], "" if fine else "**not as expected** ")
        if options.hours:
            with path.open("wb") as file:
                for _ in range(round(options.hours * 60)):
                    file.write(long_mp3)
            show(f"mp3 of {options.hours:g} h, {path.stat().st_size >> 20} MB", *judge(path))
    print(f"\n{len(names)} files, {len(wrong)} not judged as expected: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
