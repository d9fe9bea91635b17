"""Chaos, and the verdict on it: processes killed at any step, faults at any call, counted at the service.

As a script (`python -m tests.support.chaos`) it is a nursery: a process that has everything imported, reads one
order per line and has a fork of itself carry it out, so that hundreds of processes can be killed in a short time.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from minimax_nb import Session, Status, audio
from minimax_nb.api import download, transport
from minimax_nb.api.client import Client
from minimax_nb.api.timeouts import Timeouts
from minimax_nb.api.transport import RequestBody
from minimax_nb.errors import MusicError, Spent
from minimax_nb.library import storage
from minimax_nb.library.journal import Journal
from minimax_nb.reference import Reference, prepare
from minimax_nb.rehearsal.server.faults import FAULTS
from minimax_nb.tracking import steps
from tests.support import ROOT
from tests.support.network import running_cutter
from tests.support.service import HASTY, Running, audio_bytes, guest

PRICE = 0.035
REFERENCE = audio_bytes(16)
_FOLDER = tempfile.TemporaryDirectory(prefix="minimax_nb-")

Rule = dict[str, Any]


@functools.cache
def prepared() -> Reference:
    """The reference as an mp3 of its own, encoded once: most tests here are about money, not about sound."""
    return prepare(REFERENCE, Path(_FOLDER.name))


def new_tag() -> str:
    """A word that no other song has: the last one of its lyrics, by which its charge is found."""
    return f"song{uuid.uuid4().hex[:12]}"


def tag_of(job: Mapping[str, Any]) -> str:
    """The tag of a song among the charges."""
    return str(job["body"]["prompt"]).strip("#").split()[-1]


# The verdict


@dataclass
class Verdict:
    """What became of songs, counted at the service and on disk; every list but the first numbers names what is wrong.

    Attributes
    ----------
    requested, charged : int
    lost : list of str
        Charged, and not completed on disk.
    twice : list of str
        Charged more than once.
    untrue : list of str
        Errors whose `.spent` is not what was charged.
    strays : list of str
        Errors that are not of the tree.
    damaged : list of str
        Libraries whose file is not whole.
    """

    requested: int = 0
    charged: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(**{name: value + vars(other)[name] for name, value in vars(self).items()})

    @property
    def wrong(self) -> dict[str, list[str]]:
        """What is wrong; empty when nothing is."""
        return {name: value for name, value in vars(self).items() if isinstance(value, list) and value}

    def __str__(self) -> str:
        return (
            f"requested {self.requested:5d}  charged {self.charged:5d}  lost {len(self.lost)}  "
            f"paid twice {len(self.twice)}  untrue .spent {len(self.untrue)}  "
            f"other errors {len(self.strays)}  damaged libraries {len(self.damaged)}"
        )


def judge(service: Running, home: Path, tags: Iterable[str]) -> Verdict:
    """Compare what the service charged with what lies in a library, for the songs with these tags."""
    tags = list(tags)
    charges: dict[str, list[str]] = {tag: [] for tag in tags}
    for job in service.jobs():
        if job["cost_usd"] > 0 and tag_of(job) in charges:
            charges[tag_of(job)].append(job["id"])
    verdict = Verdict(requested=len(tags), charged=sum(map(len, charges.values())), damaged=_damage(home))
    for tag, ids in charges.items():
        verdict.lost += [f"{home.name}: {tag} {each}" for each in ids if not is_here(home, each)]
        verdict.twice += [f"{home.name}: {tag} {ids}"] if len(ids) > 1 else []
    return verdict


def is_here(home: Path, generation_id: str) -> bool:
    """Whether a song lies completed in a library, and sounds."""
    rows = _rows(home, "SELECT status, file FROM songs WHERE id = ?", generation_id)
    if [row[0] for row in rows] != ["completed"]:
        return False
    file = audio.check_song(home / rows[0][1])
    return file.complete is not False and (file.seconds is None or file.seconds > 1)


def _damage(home: Path) -> list[str]:
    if not (home / "library.db").exists():
        return []
    verdicts = [row[0] for row in _rows(home, "PRAGMA integrity_check")]
    return [] if verdicts == ["ok"] else [f"{home.name}: {verdicts}"]


def _rows(home: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    if not (home / "library.db").exists():
        return []
    with contextlib.closing(sqlite3.connect(home / "library.db", timeout=30)) as connection:
        return connection.execute(query, values).fetchall()


# Processes that are killed


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(owner: Any, name: str, *, before: bool, fits: Callable[..., bool], skip: int) -> None:
    """Have this process killed just before, or just after, a call of a real function."""
    real = getattr(owner, name)
    left = [skip]

    @functools.wraps(real)
    def wrapped(*given: Any, **named: Any) -> Any:
        hit = fits(*given, **named)
        deadly, left[0] = hit and not left[0], left[0] - hit
        if deadly and before:
            _die()
        result = real(*given, **named)
        if deadly:
            _die()
        return result

    setattr(owner, name, wrapped)


def _always(*_: object, **__: object) -> bool:
    return True


def _before(owner: Any, name: str, fits: Callable[..., bool] = _always) -> Callable[[int], None]:
    return lambda skip: _wrap(owner, name, before=True, fits=fits, skip=skip)


def _after(owner: Any, name: str, fits: Callable[..., bool] = _always) -> Callable[[int], None]:
    return lambda skip: _wrap(owner, name, before=False, fits=fits, skip=skip)


def _step_to(status: Status) -> Callable[..., bool]:
    return lambda _journal, _song, to, **_: to is status


def _within(status: Status) -> Callable[[int], None]:
    """Inside the transaction that writes a status, before it is committed."""

    def fits(_journal: Journal, connection: sqlite3.Connection, request_id: str) -> bool:
        row = connection.execute("SELECT status FROM songs WHERE request_id = ?", (request_id,)).fetchone()
        return row is not None and row["status"] == status.value

    return _after(Journal, "_note", fits)


def _in_body(share: float) -> Callable[[int], None]:
    """When so much of the body went out; 1: all of it, and no response is read."""

    def arm(skip: int) -> None:
        real, left = RequestBody.__iter__, [skip]

        def blocks(body: RequestBody) -> Iterator[bytes]:
            deadly, left[0] = not left[0], left[0] - 1
            for block in real(body):
                if deadly and share < 1:
                    yield block[: int(share * len(block))]
                    _die()
                yield block
            if deadly:
                _die()

        RequestBody.__iter__ = blocks  # type: ignore[method-assign]

    return arm


def _in_download(skip: int) -> None:
    """When half of a block of the audio is written."""
    real, left = storage.NewFile.write, [skip]

    def half(new: storage.NewFile, block: bytes) -> None:
        deadly, left[0] = not left[0], left[0] - 1
        if not deadly:
            return real(new, block)
        new.file.write(block[: len(block) // 2])
        new.file.flush()
        return _die()

    storage.NewFile.write = half  # type: ignore[method-assign]


POINTS: Mapping[str, Callable[[int], None]] = {
    "before the row": _before(Journal, "add"),
    "row not committed": _within(Status.SENDING),
    "row written": _after(Journal, "add"),
    "before the connection": _before(Client, "submit"),
    "headers sent": _in_body(0.0),
    "few bytes of the body sent": _in_body(0.001),
    "half of the body sent": _in_body(0.5),
    "all but the end of the body sent": _in_body(0.9999),
    "body sent, no response read": _in_body(1.0),
    "response read": _after(transport, "read_body"),
    "response understood": _after(Client, "submit"),
    "queued not committed": _within(Status.QUEUED),
    "queued": _after(Journal, "step", _step_to(Status.QUEUED)),
    "before the first poll": _before(Client, "retrieve"),
    "after the first poll": _after(Client, "retrieve"),
    "downloading": _after(Journal, "step", _step_to(Status.DOWNLOADING)),
    "before the claim": _before(Journal, "claim"),
    "after the claim": _after(Journal, "claim"),
    "half downloaded": _in_download,
    "downloaded, not checked": _before(steps, "check"),
    "checked, not renamed": _after(steps, "check"),
    "renamed": _before(storage, "sync_folder"),
    "before completed": _before(Journal, "step", _step_to(Status.COMPLETED)),
    "completed not committed": _within(Status.COMPLETED),
    "completed": _after(Journal, "step", _step_to(Status.COMPLETED)),
    "released": _after(Journal, "release"),
}
"""Where a process is killed: each takes how often it passes unharmed first."""


def make_songs(order: Mapping[str, Any]) -> None:
    """Ask for songs and wait for them, as a program does."""
    session = _session(order)
    songs = [session.submit(f"la la {tag}", REFERENCE) for tag in order["tags"]]
    session.wait(songs, timeout=60)


def recover_songs(order: Mapping[str, Any]) -> None:
    """Finish what others left open."""
    recover_all(_session(order))


def recover_all(session: Session) -> None:
    """Recover until nothing is left but songs whose response got lost, and look these up once more.

    A service may ask for a pause, which is two seconds where it does not say how long: they are looked up for longer.
    """
    quiet, paused = 0, time.monotonic() + 2.5
    for _ in range(100):
        session.recover(timeout=0.5)
        left = session.journal.open_songs()
        quiet = 0 if any(song.id for song in left) else quiet + 1
        if quiet >= 2 and (not left or time.monotonic() > paused):
            return
    raise AssertionError(f"still open: {session.journal.open_songs()}")


def crowd(order: Mapping[str, Any]) -> None:
    """Several threads that each ask for a song, and then wait for a few of everybody's; one of them recovers all."""
    # A connection for each download, by which they are counted.
    download._adapter = download._adapter.__wrapped__
    session, errors = _session(order), []
    meet = threading.Barrier(order["threads"])

    def take_part(number: int) -> None:
        try:
            session.submit(f"la la {order['tags'][order['copy'] * order['threads'] + number]}", prepared())
            meet.wait()
            if number == 0:
                _session(order).recover(timeout=60)
            session.wait([song for song in session.songs() if song.id][number :: order["threads"]][:4], timeout=60)
        except BaseException:
            errors.append(traceback.format_exc())
            meet.abort()

    threads = [threading.Thread(target=take_part, args=[number]) for number in range(order["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise AssertionError("\n".join(errors))


def _session(order: Mapping[str, Any]) -> Session:
    # So many in a hurry would only measure the polling.
    timeouts = replace(HASTY, poll=1.0) if order["task"] == "crowd" else HASTY
    return Session(base_url=order["base_url"], home=order["home"], timeouts=timeouts)


TASKS = {task.__name__: task for task in (make_songs, recover_songs, crowd)}


def _carry_out(order: Mapping[str, Any]) -> int:
    """What a fork does: its task, to the end or to the point where it is killed."""
    said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    try:
        if order.get("point"):
            POINTS[order["point"]](order.get("skip", 0))
        TASKS[order["task"]](order)
        return 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _end_of(child: int, order: Mapping[str, Any]) -> int:
    """Wait for a fork, and kill it when its time has come; 0, its exit status, or minus the signal."""
    deadline = time.monotonic() + order.get("kill_after", float("inf"))
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.001)


def nursery() -> None:
    """Carry out orders, one per line, each in forks of this process."""
    prepared()
    for line in sys.stdin:
        order = json.loads(line)
        children = []
        for copy in range(order.get("copies", 1)):
            child = os.fork()
            if not child:
                os._exit(_carry_out({**order, "copy": copy}))
            children.append(child)
        print(json.dumps([_end_of(child, order) for child in children]), flush=True)


class Nursery:
    """A nursery as a process, whose children know the key of a service and nothing else of this process.

    Parameters
    ----------
    key : str
    """

    def __init__(self, key: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "AIML_API_KEY": key}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(self, task: str, service: Running | str, home: Path, **order: Any) -> list[int]:
        """Have a task carried out.

        Returns
        -------
        list of int
            How each fork ended: its exit status, or minus the signal that killed it.
        """
        base_url = service if isinstance(service, str) else service.address.base_url
        order |= {"task": task, "base_url": base_url, "home": str(home), "said": str(home) + ".txt"}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        ends: list[int] = json.loads(self._process.stdout.readline())
        return ends

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def kill_at(nursery: Nursery, service: Running, home: Path, point: str, *, skip: int = 0) -> Verdict:
    """Kill a process at a named point, recover in a fresh one, and judge.

    Raises
    ------
    AssertionError
        When the point was never reached, or the recovery failed.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    tags = [new_tag(), new_tag()]
    ends = nursery.run("make_songs", service, home, tags=tags, point=point, skip=skip)
    assert ends == [-signal.SIGKILL], f"{point} was not reached: {ends}"
    _recover(nursery, service, home)
    return judge(service, home, tags)


def kill_at_random(nursery: Nursery, service: Running, home: Path, dice: random.Random, span: float) -> Verdict:
    """Kill a process at a random moment of a life of about `span` seconds, often its recovery too, and judge."""
    home.parent.mkdir(parents=True, exist_ok=True)
    tags = [new_tag(), new_tag()]
    nursery.run("make_songs", service, home, tags=tags, kill_after=dice.uniform(0, 1.6 * span))
    while dice.random() < 0.5:
        nursery.run("recover_songs", service, home, kill_after=dice.uniform(0, span / 2))
    _recover(nursery, service, home)
    return judge(service, home, tags)


def _recover(nursery: Nursery, service: Running | str, home: Path) -> None:
    ends = nursery.run("recover_songs", service, home)
    assert ends == [0], Path(f"{home}.txt").read_text(encoding="utf-8")


def kill_at_every_point(
    nurseries: list[Nursery], services: list[Running], folder: Path, *, skips: Iterable[int]
) -> Verdict:
    """Kill a process at every named point, in the life of each of these songs of a run, and judge."""
    cases = [(number, point, skip) for number, point in enumerate(POINTS) for skip in skips]

    def kill(service: Running, case: tuple[int, str, int]) -> Verdict:
        number, point, skip = case
        nursery = nurseries[services.index(service)]
        return kill_at(nursery, service, folder / f"point{number}-{skip}", point, skip=skip)

    return in_parallel(services, cases, kill)


def kill_often(nurseries: list[Nursery], services: list[Running], folder: Path, *, times: int, seed: int) -> Verdict:
    """Kill as many processes at random moments, and judge."""
    for name in ("warm", "usual"):
        span = usual_span(nurseries[0], services[0], folder / name)

    def kill(service: Running, number: int) -> Verdict:
        nursery, dice = nurseries[services.index(service)], random.Random(seed + number)
        return kill_at_random(nursery, service, folder / f"random{number}", dice, span)

    return in_parallel(services, range(times), kill)


def crowd_together(nursery: Nursery, service: Running, home: Path, *, processes: int, threads: int) -> Verdict:
    """Let many threads of several processes ask for a song each, in one library, and judge.

    Raises
    ------
    AssertionError
        When one of them failed, a step was made twice, or a song was fetched twice.
    """
    tags = [new_tag() for _ in range(processes * threads)]
    guest(service, home).songs()
    with contextlib.closing(sqlite3.connect(home / "library.db")) as connection:
        connection.executescript(
            "CREATE TABLE steps (request_id, before, after);"
            "CREATE TRIGGER noted AFTER UPDATE OF status ON songs WHEN OLD.status != NEW.status "
            "BEGIN INSERT INTO steps VALUES (NEW.request_id, OLD.status, NEW.status); END"
        )
    with running_cutter(int(service.address.base_url.rpartition(":")[2])) as relay:
        ends = nursery.run("crowd", relay.url, home, tags=tags, threads=threads, copies=processes)
        assert ends == [0] * processes, Path(f"{home}.txt").read_text(encoding="utf-8")
        fetches = [re.match(rb"GET /files/([0-9a-f-]+)/", head) for head in relay.heads]
    fetched = [found[1] for found in fetches if found]
    with contextlib.closing(sqlite3.connect(home / "library.db")) as connection:
        steps = connection.execute("SELECT * FROM steps").fetchall()
    assert len(fetched) == len(set(fetched)) == len(tags)
    assert len(steps) == len(set(steps))
    return judge(service, home, tags)


def usual_span(nursery: Nursery, service: Running, home: Path) -> float:
    """How long a run that nobody disturbs takes, in seconds."""
    home.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    ends = nursery.run("make_songs", service, home, tags=[new_tag(), new_tag()])
    assert ends == [0], Path(f"{home}.txt").read_text(encoding="utf-8")
    return time.monotonic() - start


# Faults


def every_case() -> list[tuple[str, str]]:
    """Every fault with every call that a session makes and it can happen to."""
    calls = ("submit", "retrieve", "download", "logs", "billing", "models")
    return [(fault, call) for fault, row in FAULTS.items() for call in row.calls if call in calls]


def rules_for(fault: str, call: str, **changes: Any) -> list[Rule]:
    """The rules under which a fault can be met: the logs are read only for a song whose answer got lost."""
    rules: list[Rule] = [{"fault": fault, "call": call, "seconds": 0.2, **changes}]
    if call == "logs":
        rules.append({"fault": "drop_after", "call": "submit", "times": 1})
    return rules


def rules_at_random(share: float, *, seed: int) -> list[Rule]:
    """Rules under which about this share of all calls meets some fault."""
    rate = 1 - (1 - share) ** (1 / len(FAULTS))
    return [{"fault": fault, "rate": rate, "seed": seed, "seconds": 0.2} for fault in FAULTS]


def shifted(moment: str, hours: float) -> str:
    """A moment as the journal writes it, moved."""
    return (datetime.fromisoformat(moment) + timedelta(hours=hours)).isoformat()


def full_traceback(error: BaseException) -> str:
    """A traceback with the variables of every frame but the tests' own."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    tests = str(ROOT / "tests")
    whole.stack = traceback.StackSummary.from_list([f for f in whole.stack if not f.filename.startswith(tests)])
    return "".join(whole.format())


@dataclass
class Person:
    """Somebody who asks for songs and does the sensible thing when told that something went wrong.

    Attributes
    ----------
    service : Running
    home : Path
    patience : float
        Seconds for each wait while the faults last.
    timeouts : Timeouts
    texts : list of str
        Every error as it was shown.
    """

    service: Running
    home: Path
    patience: float = 0.6
    timeouts: Timeouts = HASTY
    verdict: Verdict = field(default_factory=Verdict)
    tags: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def session(self) -> Session:
        """A session as a fresh kernel has it."""
        return guest(self.service, self.home, timeouts=self.timeouts)

    def ask(self) -> None:
        """Ask for one song and wait for it; after a lost answer, recover. Never ask for it again."""
        session, tag = self.session, new_tag()
        self.tags.append(tag)
        song = self._try(tag, lambda: session.submit(f"la la {tag}", prepared()))
        if song is not None:
            self._try(tag, lambda: session.wait(song, timeout=self.patience))
            self._try(tag, lambda: session.retrieve(song))
        self._try("", lambda: session.recover(timeout=self.patience))

    def look_around(self) -> None:
        """Ask for the balance and the price."""
        session = self.session
        own = session.services.client(session.settings.service())
        self._try("", own.balance)
        self._try("", lambda: own.price("minimax-music"))

    def recover(self) -> Verdict:
        """The faults are over: recover, and judge."""
        self._try("", lambda: recover_all(self.session))
        return self.verdict + judge(self.service, self.home, self.tags)

    def _try(self, tag: str, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except MusicError as error:
            self.messages.append(str(error))
            self.texts.append(f"{error} {error!r}")
            if not self._is_true(tag, error):
                name = type(error).__name__
                self.verdict.untrue.append(f"{self.home.name}: {name} says {error.spent.value}: {error}")
        except Exception:
            self.verdict.strays.append(f"{self.home.name}: {traceback.format_exc()}")
        return None

    def _is_true(self, tag: str, error: MusicError) -> bool:
        """Whether `.spent` is what was charged, of the song that the error is about."""
        about = [
            job
            for job in self.service.jobs()
            if (tag and tag_of(job) == tag) or error.song_id in (job["id"], job["client_request_id"], None)
        ]
        charged = any(job["cost_usd"] > 0 for job in about)
        return {Spent.NO: not charged, Spent.YES: charged, Spent.MAYBE: True}[error.spent]


def live_through(service: Running, home: Path, rules: list[Rule], *, songs: int = 1) -> Person:
    """Have a person ask for songs while faults are committed, then recover without them."""
    person = Person(service, home)
    service.commit(*rules)
    try:
        for _ in range(songs):
            person.ask()
        person.look_around()
    finally:
        service.commit()
    person.verdict = person.recover()
    return person


def cut_posts(service: Running, home: Path, where: str, times: int) -> Verdict:
    """Cut the POST at many different bytes of the request or the response, recover, and judge.

    Parameters
    ----------
    where : {"request", "response"}
    times : int
        How many bytes to cut at, from the first to the last; one song more goes through unharmed.
    """
    person = Person(service, home)
    with running_cutter(int(service.address.base_url.rpartition(":")[2])) as relay:
        session = guest(service, home, base_url=relay.url)

        def ask() -> None:
            person.tags.append(new_tag())
            person._try(person.tags[-1], lambda: session.submit(f"la la {person.tags[-1]}", prepared()))

        ask()
        while not relay.lengths:  # both ends are done before the relay itself is
            time.sleep(0.01)
        length = relay.lengths[0][where == "response"]
        for cut in _spread(length, times):
            relay.cut = (where, cut)
            ask()
        person._try("", lambda: recover_all(session))
    return person.verdict + judge(service, home, person.tags)


def _spread(length: int, times: int) -> list[int]:
    """Different places in a message: its first and its last bytes, and evenly in between."""
    ends = {0, 1, 2, length - 2, length - 1, length}
    between = {round(length * number / (times + 1)) for number in range(1, times + 1)} - ends
    return sorted(ends | set(sorted(between)[: times - len(ends)]))


def in_parallel(services: list[Running], cases: Iterable[Any], work: Callable[[Running, Any], Verdict]) -> Verdict:
    """Work through cases, one at a time at each service, and add the verdicts up."""
    waiting, lock, total, errors = iter(list(cases)), threading.Lock(), [Verdict()], []

    def serve(service: Running) -> None:
        while not errors:
            with lock:
                case = next(waiting, None)
            if case is None:
                return
            try:
                verdict = work(service, case)
            except BaseException as error:
                errors.append(error)
                return
            with lock:
                total[0] += verdict

    threads = [threading.Thread(target=serve, args=[service]) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return total[0]


if __name__ == "__main__":
    nursery()
