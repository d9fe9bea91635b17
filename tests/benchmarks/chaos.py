"""The whole of it: `python -m tests.benchmarks.chaos [--quick]` kills, spoils and cuts, and prints what was lost.

Everything is counted at the service: songs that were requested, charged, lost, and paid twice; errors whose
`.spent` is not what was charged. It ends with 1 if any of them is.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.support import chaos
from tests.support.chaos import POINTS, PRICE, Nursery, Person, Verdict
from tests.support.network import Answer, hunt, running_host
from tests.support.service import Running, running_service

SEED = 20_260_801
SHARES = (0.01, 0.05, 0.2)


class Report:
    """Runs parts on services of their own, and prints a line for each as it ends.

    Parameters
    ----------
    folder : Path
        Where everything lies: services, libraries, outputs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.total = Verdict()
        self.texts: list[str] = []
        self.messages: list[str] = []
        self.keys: list[str] = []

    @contextlib.contextmanager
    def services(self, name: str, count: int) -> Iterator[list[Running]]:
        """Services that have charged nothing."""
        with ExitStack() as stack:
            homes = [self.folder / name / f"service{number}" for number in range(count)]
            running = [stack.enter_context(running_service(home, price=PRICE)) for home in homes]
            self.keys += [service.address.key for service in running]
            yield running

    def part(self, title: str, run: Callable[[], Verdict]) -> None:
        """Run one part and print its figures."""
        start = time.monotonic()
        verdict = run()
        self.total += verdict
        self.line(title, verdict, time.monotonic() - start)
        for what, cases in verdict.wrong.items():
            for case in cases[:10]:
                print(f"    {what}: {case}")

    @staticmethod
    def line(title: str, verdict: Verdict, seconds: float) -> None:
        """Print one line."""
        print(f"{title:<52} {verdict}  {seconds:5.0f} s", flush=True)


def kills(report: Report, random_kills: int) -> None:
    """The kill matrix."""
    with report.services("kills", 2) as services, ExitStack() as stack:
        nurseries = [stack.enter_context(Nursery(service.address.key)) for service in services]
        report.part(
            f"SIGKILL at {len(POINTS)} named points, 1st and 2nd song",
            lambda: chaos.kill_at_every_point(nurseries, services, report.folder / "points", skips=[0, 1]),
        )
        report.part(
            f"SIGKILL at {random_kills} random moments",
            lambda: chaos.kill_often(nurseries, services, report.folder / "random", times=random_kills, seed=SEED),
        )


def crowd(report: Report, threads: int) -> None:
    """Many at once, at the pace of everyday life."""
    with report.services("crowd", 1) as [service], Nursery(service.address.key) as nursery:
        report.part(
            f"8 processes of {threads} threads each on one library",
            lambda: chaos.crowd_together(
                nursery, service, report.folder / "crowd home", processes=8, threads=threads
            ),
        )


def faults(report: Report, triples: int, songs: int) -> None:
    """The fault matrix."""
    cases = chaos.every_case()
    dice = random.Random(SEED)
    with report.services("faults", 6) as services:

        def live(name: str) -> Callable[[Running, tuple[int, list[chaos.Rule]]], Verdict]:
            def run(service: Running, case: tuple[int, list[chaos.Rule]]) -> Verdict:
                number, rules = case
                person = chaos.live_through(service, report.folder / name / str(number), rules)
                report.texts += person.texts
                report.messages += person.messages
                return person.verdict

            return run

        for times, words in ((None, "for good"), (1, "once")):
            alone = [chaos.rules_for(*case, times=times) for case in cases]
            report.part(
                f"each fault × each call ({len(cases)}), {words}",
                lambda alone=alone, words=words: chaos.in_parallel(
                    services, enumerate(alone), live(f"alone {words}")
                ),
            )
        threes = [dice.sample(cases, 3) for _ in range(triples)]
        mixed = [
            [rule for case in three for rule in chaos.rules_for(*case, rate=0.5, seed=number)]
            for number, three in enumerate(threes)
        ]
        report.part(
            f"in threes ({triples} drawn), each at half of its calls",
            lambda: chaos.in_parallel(services, enumerate(mixed), live("threes")),
        )
    for share in SHARES:
        report.part(
            f"{share:.0%} of all calls fail at random, {songs} songs",
            lambda share=share: at_random(report, share, songs),
        )


def at_random(report: Report, share: float, songs: int) -> Verdict:
    """Several people ask for songs at one service, which fails now and then."""
    name = f"share {share}"
    with report.services(name, 1) as [service]:
        people = [Person(service, report.folder / name / f"person{number}", patience=3) for number in range(8)]
        service.commit(*chaos.rules_at_random(share, seed=SEED))
        threads = [
            threading.Thread(target=lambda person=person: [person.ask() for _ in range(songs // len(people))])
            for person in people
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        service.commit()
        report.texts += [text for person in people for text in person.texts]
        return sum((person.recover() for person in people), Verdict())


def cuts(report: Report, times: int) -> None:
    """The POST, cut."""
    with report.services("cuts", 1) as [service]:
        for where in ("request", "response"):
            report.part(
                f"the POST cut at {times} bytes of the {where}",
                lambda where=where: chaos.cut_posts(service, report.folder / f"cut {where}", where, times),
            )


def redirects(report: Report) -> None:
    """Every call sent away to another host, which keeps what it is sent."""
    with report.services("redirects", 1) as [service], running_host(lambda _: Answer(b"{}", 404)) as other:
        rules = [{"fault": "redirect", "rate": 0.5, "url": other.url + "/elsewhere"}]
        report.part(
            "half of all calls redirected to another host",
            lambda: chaos.live_through(service, report.folder / "redirected", rules, songs=10).verdict,
        )
        report.texts += [seen.text for seen in other.seen]


def distinct(messages: list[str]) -> list[str]:
    """Each message once, without the ids, ports and folders in which they differ."""
    hidden = re.compile(
        r"[0-9a-f]{8}-[0-9a-f-]{27}|minimax_nb-[0-9a-f]{32}|127\.0\.0\.1:\d+|/\S*/|\d+(?= of \d+ bytes)"
    )
    return sorted({hidden.sub("…", message) for message in messages})


def main() -> int:
    """Run everything, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.chaos")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything that is random")
    quick = parser.parse_args().quick
    logs, said, start = io.StringIO(), io.StringIO(), time.monotonic()
    logging.basicConfig(level=logging.DEBUG, stream=logs)
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(said):
        report = Report(Path(name))
        kills(report, 20 if quick else 200)
        crowd(report, 8 if quick else 25)
        faults(report, 15 if quick else 200, 24 if quick else 200)
        cuts(report, 30)
        redirects(report)
        Report.line("all of it", report.total, time.monotonic() - start)
        print("\nWhat a person reads, each message once:\n")
        print("\n".join(distinct(report.messages)), end="\n\n")
        texts = [*report.texts, logs.getvalue(), said.getvalue()]
        found = [place for key in report.keys for place in hunt(key, [Path(name)], texts)]
        files = sum(path.is_file() for path in Path(name).rglob("*"))
        print(
            f"key hunt: {len(report.keys)} keys in {files} files, {len(report.texts)} messages and requests, "
            f"{len(logs.getvalue())} characters of logs: found {len(found)} times"
        )
        for place in found[:10]:
            print(f"    {place}")
        halves = len(list(Path(name).rglob("*.part")))
        print(f"halves of files left by kills, swept away an hour later: {halves}")
    return 1 if report.total.wrong or found else 0


if __name__ == "__main__":
    sys.exit(main())
