"""Hands accepted jobs to the band, a few at a time, and says how long the others will wait."""

from __future__ import annotations

import logging
import statistics
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping
from dataclasses import fields
from math import ceil, inf, isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...catalogue import MODELS, from_fields
from ...lyrics import read_prompt
from ..band.request import Band, BandRequest
from .job_store import Job, JobStore, failure
from .turns import Turns

if TYPE_CHECKING:
    import requests

THREADS = 2
USUAL_SECONDS = 4.0
"""How long a song takes before one was made here."""

FETCH_SECONDS = 120
MOST_REFERENCE_BYTES = 50_000_000

logger = logging.getLogger(__name__)


class Worker:
    """Makes the songs of a job store, a few at once, in threads, so that the HTTP loop stays quick.

    Parameters
    ----------
    store : JobStore
        Its unfinished jobs are taken up at once.
    band : Band
    at_once : int
        How many songs are made at the same time.
    """

    def __init__(self, store: JobStore, band: Band, at_once: int = THREADS) -> None:
        self._store = store
        self._band = band
        self._at_once = at_once
        self._turns = Turns()
        self._seconds = deque([USUAL_SECONDS], maxlen=10)
        for job in store.unfinished():
            self.add(job)
        # Daemons: a service that ends leaves its songs to the next one, which makes them again.
        for _ in range(at_once):
            threading.Thread(target=self._work, daemon=True).start()

    def add(self, job: Job) -> None:
        """Let a job wait for its turn."""
        self._turns.add(job.key_prefix, job.id)

    def place(self, job: Job) -> dict[str, Any] | None:
        """Return how many songs are made before this one, and in about how many seconds it is made itself."""
        ahead = self._turns.ahead(job.id)
        if ahead is None:
            return None
        # Whoever is being made now is half done on average.
        rounds = (ahead + 1) / self._at_once + 0.5
        return {"ahead": ahead, "seconds": round(rounds * statistics.mean(self._seconds), 1)}

    def _work(self) -> None:
        while True:
            job_id = self._turns.take()
            try:
                self._make(job_id)
            except OSError as problem:
                logger.error("the job store cannot be written (%s)", type(problem).__name__)

    def _make(self, job_id: str) -> None:
        job = self._store.begin(job_id)
        if job is None:
            return
        part = self._store.audio(job).with_suffix(f".part.{job.format}")
        began = time.monotonic()
        try:
            timeline = self._play(job, part)
            self._store.complete(job_id, part, timeline)
            self._seconds.append(time.monotonic() - began)
        except ValueError as problem:
            self._store.fail(job_id, failure("invalid_input", str(problem)))
        except Exception as problem:
            # The message may quote the lyrics, so the log gets the stack alone.
            logger.error("%s\n%s", type(problem).__name__, "".join(traceback.format_tb(problem.__traceback__)))
            self._store.fail(job_id, failure("generation_failed", f"The band failed ({type(problem).__name__})."))

    def _play(self, job: Job, part: Path) -> Mapping[str, Any] | None:
        reference, body = self._store.reference(job), job.body
        model = MODELS[job.model]
        if model.reference:
            if not body["reference_audio_url"].startswith("data:"):
                fetch_reference(body["reference_audio_url"], reference)
            # A song that keeps the form of its reference cannot be longer than its model's songs get.
            check_length(reference, model.reference.longer_than, model.most_seconds if model.keeps_form else inf)
        performance = self._band(_band_request(job, reference), part)
        if not part.is_file() or not part.stat().st_size:
            raise ValueError("The band played nothing.")
        return getattr(performance, "timeline", None)


def _band_request(job: Job, reference: Path) -> BandRequest:
    """What the band shall play; only `minimax-music` puts ## around its words to request accompaniment."""
    model = MODELS[job.model]
    usual = {name: option.default for name, option in model.options.items() if option.default is not None}
    requested = {**usual, **from_fields(model, job.body)}
    words, accompaniment = str(requested.get("lyrics", "")), True
    if model.marks_accompaniment:
        words, accompaniment = read_prompt(words)
    requested |= {
        "lyrics": words,
        "accompaniment": accompaniment,
        "instrumental": not model.has_voice or bool(requested.get("instrumental")),
        "seed": job.seed,
        "format": job.format,
    }
    known = {field.name for field in fields(BandRequest)}
    return BandRequest(
        model.name,
        reference=reference if model.reference else None,
        keep_form=model.keeps_form,
        most_seconds=None if isinf(model.most_seconds) else model.most_seconds,
        **{name: value for name, value in requested.items() if name in known},
    )


def check_length(reference: Path, least: float, most: float = inf) -> None:
    """Check that a reference can be read, and is longer than `least` and not longer than `most` seconds.

    Raises
    ------
    ValueError
        When it is not.
    """
    import soundfile

    try:
        seconds = soundfile.info(str(reference)).duration
    except soundfile.SoundFileError:
        raise ValueError("The reference cannot be read: it is neither wav nor mp3.") from None
    if seconds <= least:
        raise ValueError(f"The reference must be longer than {ceil(least)} seconds; this one has {seconds:.1f}.")
    if seconds > most:
        raise ValueError(f"The reference must be at most {most:g} seconds long; this one has {seconds:.1f}.")


def fetch_reference(url: str, destination: Path) -> None:
    """Fetch a reference from the web.

    Raises
    ------
    ValueError
        When there is no answer, an error, or more than 50 MB; the message does not repeat the URL.
    """
    import requests

    deadline = time.monotonic() + FETCH_SECONDS
    with requests.Session() as session:
        # Proxies lead to the outside, so a server on this machine is contacted directly.
        session.trust_env = urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1")
        try:
            # An auth object, for otherwise requests would look the host up in ~/.netrc and send what it finds.
            with session.get(url, stream=True, timeout=(10, 30), auth=lambda request: request) as response:
                response.raise_for_status()
                _save(response, destination, deadline)
        except requests.HTTPError as problem:
            raise ValueError(f"The reference URL answered {problem.response.status_code}.") from None
        except (requests.RequestException, ValueError) as problem:
            kind = problem if type(problem) is ValueError else type(problem).__name__
            raise ValueError(f"The reference URL could not be fetched: {kind}.") from None


def _save(response: requests.Response, destination: Path, deadline: float) -> None:
    size = 0
    with open(destination, "wb") as file:
        for chunk in response.iter_content(65536):
            size += len(chunk)
            if size > MOST_REFERENCE_BYTES:
                raise ValueError("it is larger than 50 MB")
            if time.monotonic() > deadline:
                raise ValueError(f"it took more than {FETCH_SECONDS} s")
            file.write(chunk)
