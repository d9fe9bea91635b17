"""Every accepted song as a folder on disk, written before its acceptance is answered."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...library.storage import sync_folder, write_durably
from ...song import rehearsal_seed

KEPT_SECONDS = 30 * 24 * 3600
MOST_ATTEMPTS = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One accepted song.

    Attributes
    ----------
    id : str
        The generation id: a uuid, a colon, the model.
    client_request_id, request_id : str
        The caller's id, which may be empty, and ours.
    created, finished : float
        Seconds since 1970.
    body : mapping
        As sent, without the audio of a `data:` URI.
    seed : int
    cost_usd : float
        What is charged for it; nothing once it failed.
    key_prefix : str
        Of the minted key that requested it; empty for the service's own.
    format : {"mp3", "wav"}
        What the song is.
    status : {"queued", "generating", "completed", "error"}
    attempts : int
        How often the band started on it: more than once only when the service died meanwhile.
    error : object
        What a retrieve says of a failure, as plain data; usually an object with `name` and `message`.
    timeline : mapping or None
        When what is sung, as the band said it.
    """

    id: str
    client_request_id: str
    request_id: str
    created: float
    body: Mapping[str, Any]
    seed: int
    cost_usd: float
    key_prefix: str = ""
    format: str = "mp3"
    status: str = "queued"
    attempts: int = 0
    finished: float | None = None
    error: Any = None
    timeline: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The uuid alone: the name of the job's folder."""
        return self.id.partition(":")[0]

    @property
    def model(self) -> str:
        """The requested model."""
        return str(self.body["model"])

    @property
    def unfinished(self) -> bool:
        """Whether the band has yet to finish it."""
        return self.status in ("queued", "generating")


class JobStore:
    """All jobs of a home, in memory and on disk.

    Used from the HTTP loop and from the workers at once.

    Parameters
    ----------
    folder : Path
        Holds one folder for each job: `job.json`, the reference until it is played, and the song.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._jobs = {job.name: job for job in self._load()}

    def accept(
        self,
        body: Mapping[str, Any],
        *,
        client_request_id: str,
        request_id: str,
        cost_usd: float,
        key_prefix: str = "",
        format: str = "mp3",
        reference: bytes | None,
    ) -> Job:
        """Write a job down and charge for it; it is on disk when this returns.

        Parameters
        ----------
        reference : bytes or None
            The audio that was sent inside the request.

        Raises
        ------
        OSError
            When it cannot be written; then nothing is accepted.
        """
        job_id = f"{uuid.uuid4()}:{body['model']}"
        seed = body.get("seed", rehearsal_seed(client_request_id or job_id))
        job = Job(job_id, client_request_id, request_id, time.time(), body, seed, cost_usd, key_prefix, format)
        folder = self.folder / job.name
        folder.mkdir(mode=0o700)
        try:
            if reference is not None:
                write_durably(folder / "reference.audio", reference, mode=0o600)
            self._save(job)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        sync_folder(self.folder)
        with self._lock:
            self._jobs[job.name] = job
        return job

    def find(self, job_id: str) -> Job | None:
        """Return the job of this generation id."""
        job = self.find_named(job_id.partition(":")[0])
        return job if job is not None and job.id == job_id else None

    def find_named(self, name: str) -> Job | None:
        """Return the job with this uuid."""
        with self._lock:
            return self._jobs.get(name)

    def newest_first(self) -> list[Job]:
        """Return all jobs, the newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: job.created, reverse=True)

    def unfinished(self) -> list[Job]:
        """Return the unfinished jobs, the oldest first."""
        return [job for job in reversed(self.newest_first()) if job.unfinished]

    def waiting(self, key_prefix: str) -> int:
        """Return how many songs of a key the band has not begun."""
        with self._lock:
            return sum(job.status == "queued" and job.key_prefix == key_prefix for job in self._jobs.values())

    def spent(self, key_prefix: str | None = None, *, since: float = 0) -> float:
        """Return the sum of charges in USD: of all keys or one, since a time in seconds since 1970."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.created >= since]
        return round(sum(job.cost_usd for job in jobs if key_prefix in (None, job.key_prefix)), 6)

    def audio(self, job: Job) -> Path:
        """Return where the song of a job lies."""
        return self.folder / job.name / f"output.{job.format}"

    def reference(self, job: Job) -> Path:
        """Return where the reference of a job lies, or is to be put."""
        return self.folder / job.name / "reference.audio"

    def begin(self, job_id: str) -> Job | None:
        """Note that the band starts; None when there is nothing left to do."""
        job = self._step(job_id, lambda job: replace(job, status="generating", attempts=job.attempts + 1))
        if job is not None and job.attempts > MOST_ATTEMPTS:
            self.fail(job_id, failure("gave_up", f"The service ended {MOST_ATTEMPTS} times while making this song."))
            return None
        return job

    def complete(self, job_id: str, audio: Path, timeline: Mapping[str, Any] | None = None) -> None:
        """Note that the song is made.

        Parameters
        ----------
        audio : Path
            The finished file, on the same disk; it is moved.
        timeline : mapping or None
            When what is sung.
        """
        with open(audio, "rb+") as file:
            os.fsync(file.fileno())
        job = self.find(job_id)
        if job is None or not job.unfinished:
            return
        os.replace(audio, self.audio(job))
        self._step(job_id, lambda job: replace(job, status="completed", finished=time.time(), timeline=timeline))

    def fail(self, job_id: str, error: object, *, even_finished: bool = False) -> None:
        """Note that the song could not be made, and take its charge back."""
        self._step(
            job_id,
            lambda job: replace(job, status="error", finished=time.time(), cost_usd=0.0, error=error),
            even_finished=even_finished,
        )

    def _step(self, job_id: str, change: Callable[[Job], Job], *, even_finished: bool = False) -> Job | None:
        with self._lock:
            job = self._jobs.get(job_id.partition(":")[0])
            if job is None or job.id != job_id or not (job.unfinished or even_finished):
                return None
            job = self._jobs[job.name] = change(job)
            self._save(job)
        if not job.unfinished:
            self.reference(job).unlink(missing_ok=True)
        return job

    def _save(self, job: Job) -> None:
        text = json.dumps(dataclasses.asdict(job))
        write_durably(self.folder / job.name / "job.json", text.encode(), mode=0o600)

    def _load(self) -> Iterable[Job]:
        """Read all jobs; what was never accepted and what finished long ago is removed."""
        for path in self.folder.iterdir():
            if not path.is_dir():
                path.unlink(missing_ok=True)
                continue
            job = _read(path / "job.json")
            if job is None or (job.finished and time.time() - job.finished > KEPT_SECONDS):
                shutil.rmtree(path, ignore_errors=True)
            else:
                yield replace(job, status="queued") if job.unfinished else job


def failure(name: str, message: str) -> dict[str, str]:
    """Return the usual form of an error."""
    return {"name": name, "message": message[:500]}


def _read(path: Path) -> Job | None:
    if not path.exists():
        return None
    try:
        return Job(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as problem:
        logger.warning("job %s cannot be read (%s)", path.parent.name, type(problem).__name__)
        return None
