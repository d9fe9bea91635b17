"""Side by side: `python -m tests.benchmarks.peers [--quick]` waits for songs as three clients do, and prints a table.

Ours, the provider's own script and Replicate's client (`pip install -e ".[peers]"`) wait for the same songs of an
emulated service on this computer. The delay of a song is the time from when it is ready until its audio is in
hand, fetched. What is counted is the wait: the songs are submitted before it. A limit counts polls; connections
are those that carried a poll or a download. In about 11 minutes; `--quick` takes 3 and shows less.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks import emulated
from tests.support import ROOT

NAMES = {"ours": "minimax_nb", "script": "provider's script, 10 s", "replicate": "replicate, 0.5 s"}
LIMIT = 20.0
FLOOR_AT_LIMIT = 3.2
SINGLES = 12


@dataclass(frozen=True)
class Case:
    """One client in one situation; `processes` of it, each with `songs` songs, with one library if `together`."""

    client: str
    songs: int
    distribution: str
    limit: float = 0.0
    faulty: float = 0.0
    processes: int = 1
    together: bool = False

    @property
    def situation(self) -> str:
        """In words."""
        limit = f", {self.limit:g} polls/s allowed" if self.limit else ""
        faulty = f", {self.faulty:.0%} faulty polls" if self.faulty else ""
        together = f", {self.processes} processes with one library" if self.together else ""
        return f"{self.songs} song{'s' * (self.songs > 1)}, {self.distribution}{limit}{faulty}{together}"


@dataclass(frozen=True)
class Figures:
    """What a case took; all but the counts for one process. `spread` is the standard error of the mean delay."""

    delay: float
    spread: float
    p95: float
    per_song: float
    cpu: float
    poll_cpu: float
    threads: int
    connections: float
    memory: float
    lost: int
    twice: int


def run(case: Case) -> Figures:
    """Run a service and the client's processes against it."""
    with (
        emulated.running(case.distribution, limit=case.limit, faulty=case.faulty) as url,
        tempfile.TemporaryDirectory(prefix="minimax_nb-") as home,
    ):
        command = [sys.executable, "-m", "tests.benchmarks.runners", case.client, url]
        processes = [
            subprocess.Popen(
                [*command, str(number * case.songs), str(case.songs), *([home] if case.together else [])],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "no_proxy": "127.0.0.1", "PYTHONPATH": str(ROOT)},
            )
            for number in range(case.processes)
        ]
        told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        return figures(case, told, measures_of(url))


def measures_of(url: str) -> dict[str, Any]:
    """Ask the service what was requested."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request("GET", "/measures")
        return dict(json.load(connection.getresponse()))


def figures(case: Case, told: list[dict[str, Any]], measures: dict[str, Any]) -> Figures:
    """Put together what the client and the service say."""
    in_hand = {tag: moment for each in told for tag, moment in each["in_hand"].items()}
    ready = {tag: measures["ready"][number] for number, tag in measures["tags"].items()}
    delays = sorted(max(0.0, moment - ready[tag]) for tag, moment in in_hand.items()) or [float("nan")]
    polls = sum(measures["polls"].values())
    cpu = sum(each["cpu"] for each in told)
    polling = cpu - sum(each.get("fetch_cpu", 0.0) for each in told)
    return Figures(
        delay=statistics.fmean(delays),
        spread=statistics.pstdev(delays) / len(delays) ** 0.5,
        p95=delays[min(len(delays) - 1, round(0.95 * len(delays)))],
        per_song=polls / (case.songs * case.processes),
        cpu=cpu / case.processes,
        poll_cpu=1000 * polling / max(1, polls),
        threads=max(each["threads"] for each in told),
        connections=measures["events"].get("connections", 0) / case.processes,
        memory=max(each["memory"] for each in told) / 1e6,
        lost=case.songs * case.processes - len(in_hand),
        twice=sum(count > 1 for count in Counter(measures["tags"].values()).values()),
    )


def batches(clients: list[str], *, quick: bool) -> list[list[Case]]:
    """What is measured; the cases of a batch run at the same time, each against a service of its own."""
    many = 30 if quick else 200

    def each(songs: int, distribution: str, **options: Any) -> list[Case]:
        return [Case(client, songs, distribution, **options) for client in clients]

    limit = LIMIT / 10 if quick else LIMIT
    limited = each(many, "lognormal", limit=limit)
    together = [Case("ours", many // 2, "lognormal", limit=limit, processes=2, together=True)]
    faulty = each(many, "lognormal", faulty=0.01)
    if quick:
        return [limited + together + faulty + each(30, "lognormal") + each(30, "two humps")]
    small = [case for name in emulated.DISTRIBUTIONS for case in each(30, name)]
    small += [Case("ours", 1, name, processes=SINGLES) for name in emulated.DISTRIBUTIONS]
    return [small, *(each(many, name) for name in emulated.DISTRIBUTIONS), limited + together, faulty]


HEAD = (
    "| client | delay mean / p95, s | polls per song | CPU, s | threads | connections | memory, MB "
    "| lost | paid twice |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def row(case: Case, found: Figures) -> str:
    """One line of the table."""
    return (
        f"| {NAMES[case.client]} | {found.delay:.2f} / {found.p95:.2f} | {found.per_song:.1f} | {found.cpu:.2f} "
        f"| +{found.threads} | {found.connections:.0f} | +{found.memory:.1f} | {found.lost} | {found.twice} |"
    )


def verdicts(case: Case, found: Figures, others: dict[Case, Figures]) -> list[str]:
    """Each goal for our own client, and whether it is met."""
    most = 1.15 * FLOOR_AT_LIMIT if case.limit else 1.0
    mean = f"mean delay (± {found.spread:.2f}), s"
    goals = [(mean, found.delay, most), ("polls per song", found.per_song, 15.0)]
    goals += [] if case.limit else [("p95 delay, s", found.p95, 2.0)]
    goals += [("lost", found.lost, 0), ("paid twice", found.twice, 0)]
    if case.songs == 200:
        goals += [("threads", found.threads, 8), ("connections", found.connections, 20)]
        goals += [("memory, MB", found.memory, 15.0)]
    if not case.limit and case.songs > 1:
        script, replicate = (others.get(replace(case, client=name)) for name in ("script", "replicate"))
        goals += [("CPU of the wait over the script's", found.cpu / script.cpu, 1.5)] if script else []
        per_poll = "CPU per poll over Replicate's"
        goals += [(per_poll, found.poll_cpu / replicate.poll_cpu, 1.0)] if replicate else []
    return [
        f"{'met   ' if value <= goal else 'MISSED'}  {case.situation}: {name} {value:.2f}, goal ≤ {goal:.4g}"
        for name, value, goal in goals
    ]


def start_up() -> float:
    """The CPU time of `import minimax_nb` over bare Python, in ms: the median of 9."""
    code = "import time; a = time.process_time(); import minimax_nb; print(time.process_time() - a)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(9)
    ]
    return 1000 * statistics.median(times)


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    clients = ["ours", "script"] + ["replicate"] * (importlib.util.find_spec("replicate") is not None)
    began = time.monotonic()
    found: dict[Case, Figures] = {}
    for batch in batches(clients, quick=given.quick):
        with ThreadPoolExecutor(len(batch)) as pool:
            found |= zip(batch, pool.map(run, batch), strict=True)
        for situation in dict.fromkeys(case.situation for case in batch):
            rows = [row(case, found[case]) for case in batch if case.situation == situation]
            print(f"\n{situation}\n\n{HEAD}", *rows, sep="\n", flush=True)
    print("\nGoals")
    print(*[line for case in found if case.client == "ours" for line in verdicts(case, found[case], found)], sep="\n")
    cost = start_up()
    print(f"{'met   ' if cost <= 20 else 'MISSED'}  import minimax_nb: {cost:.1f} ms of CPU, goal ≤ 20")
    print(f"\n{time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
