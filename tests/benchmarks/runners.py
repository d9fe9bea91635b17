"""The clients that are compared: as a script, one process that waits for songs and prints what that took.

python runners.py ours|script|replicate URL FIRST COUNT [HOME]
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import psutil

TIMEOUT = 600
KEY = "a-key-for-the-emulated-service"

InHand = dict[str, float]
"""When each song, by its tag, was in hand; one that is missing was lost."""


@dataclass
class Gauge:
    """What a wait takes of this process, while it is entered."""

    threads: int = 0
    memory: int = 0
    cpu: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Gauge:
        self._process = psutil.Process()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()
        self._before = (self._process.num_threads(), self._process.memory_info().rss, time.process_time())
        return self

    def _sample(self) -> None:
        most_threads = most_memory = 0
        while not self._ended.wait(0.1):
            most_threads = max(most_threads, self._process.num_threads())
            most_memory = max(most_memory, self._process.memory_info().rss)
        self.threads, self.memory, self._own_cpu = most_threads, most_memory, time.thread_time()

    def __exit__(self, *_: object) -> None:
        threads, memory, cpu = self._before
        self._ended.set()
        self._sampler.join()
        self.cpu = time.process_time() - cpu - self._own_cpu  # what measuring takes is no client's
        self.threads -= threads
        self.memory -= memory


def side_by_side(work: Callable[[str], None], items: Iterable[str]) -> None:
    """Do the work for each item, in a thread of its own, as people do; one that raises has lost its song."""

    def guarded(item: str) -> None:
        try:
            work(item)
        except Exception as error:
            print(f"{type(error).__name__}: {error}"[:200], file=sys.stderr)

    threads = [threading.Thread(target=guarded, args=[item], daemon=True) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)


def ours(url: str, tags: list[str], home: str = "") -> tuple[InHand, Gauge, dict[str, float]]:
    """A session's tracker, as `wait` uses it."""
    import soundfile  # noqa: F401  (as for any reference that is a file)

    from minimax_nb import Session
    from minimax_nb.display.progress import with_progress
    from minimax_nb.reference import prepare
    from minimax_nb.tracking.services import Services
    from tests.support.service import audio_bytes

    in_hand: InHand = {}
    fetching: list[float] = []

    class Measured(Services):
        def fetch(self, song: Any, generation: Any) -> Any:
            start = time.thread_time()
            try:
                return super().fetch(song, generation)
            finally:
                fetching.append(time.thread_time() - start)

    class MeasuredSession(Session):
        @property
        def services(self) -> Measured:
            given = super().services
            return Measured(given.journal, given.settings, given.timeouts, given.clients, given.logs)

    with tempfile.TemporaryDirectory(prefix="minimax_nb-") as own:
        home = home or own
        session = MeasuredSession(api_key=KEY, base_url=url, home=home)
        reference = prepare(audio_bytes(16), session.journal.library.references)
        songs = [session.submit(f"take {tag}", reference) for tag in tags]
        tag_of = {song.request_id: tag for song, tag in zip(songs, tags, strict=True)}
        with Gauge() as gauge:
            tracker = session.track(songs)
            for song in with_progress(tracker):
                if song is not None and song.status == "completed":
                    in_hand[tag_of[song.request_id]] = time.monotonic()
            print(*tracker.errors, sep="\n", file=sys.stderr)
    return in_hand, gauge, {"fetch_cpu": sum(fetching)}


def script(url: str, tags: list[str]) -> tuple[InHand, Gauge, dict[str, float]]:
    """What the provider's documentation shows: ask every 10 s until it is neither queued nor generating."""
    import requests

    headers = {"Authorization": f"Bearer {KEY}"}
    in_hand: InHand = {}
    ids = {}
    for tag in tags:
        body = {"model": "minimax-music", "prompt": f"take {tag}", "reference_audio_url": "https://example.org/a.mp3"}
        ids[tag] = requests.post(f"{url}/v2/generate/audio", headers=headers, json=body).json()["id"]

    def wait(tag: str) -> None:
        start = time.time()
        while time.time() - start < TIMEOUT:
            query = {"generation_id": ids[tag]}
            answer = requests.get(f"{url}/v2/generate/audio", headers=headers, params=query).json()
            if answer.get("status") not in ("waiting", "active", "queued", "generating"):
                break
            time.sleep(10)
        if requests.get(answer["audio_file"]["url"]).content:
            in_hand[tag] = time.monotonic()

    with Gauge() as gauge:
        side_by_side(wait, tags)
    return in_hand, gauge, {}


def replicate(url: str, tags: list[str]) -> tuple[InHand, Gauge, dict[str, float]]:
    """Replicate's own client: `create`, `wait`, and the file."""
    import httpx
    from replicate.client import Client

    client = Client(api_token=KEY, base_url=url)
    files = httpx.Client()
    in_hand: InHand = {}
    predictions = {tag: client.predictions.create(version="1", input={"prompt": f"take {tag}"}) for tag in tags}

    def wait(tag: str) -> None:
        predictions[tag].wait()
        if files.get(predictions[tag].output).content:
            in_hand[tag] = time.monotonic()

    with Gauge() as gauge:
        side_by_side(wait, tags)
    return in_hand, gauge, {}


def main() -> None:
    """Wait as one client does, and print the figures."""
    kind, url, first, count, *home = sys.argv[1:]
    tags = [str(number) for number in range(int(first), int(first) + int(count))]
    in_hand, gauge, more = {"ours": ours, "script": script, "replicate": replicate}[kind](url, tags, *home)
    figures = {"in_hand": in_hand, "cpu": gauge.cpu, "threads": gauge.threads, "memory": gauge.memory}
    print(json.dumps({**figures, **more}), flush=True)


if __name__ == "__main__":
    main()
