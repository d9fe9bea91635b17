"""A Dask cluster on loopback for tests: a scheduler and workers, each a process that can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import ROOT, until

_QUIET = ("--host", "127.0.0.1", "--no-dashboard")


@dataclass
class Cluster:
    """A scheduler and its workers.

    Attributes
    ----------
    folder : pathlib.Path
        Of its own files; workers work there.
    environment : mapping
        What the workers find in theirs besides.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """Where the scheduler says how it is reached."""
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        """Such as ``tcp://127.0.0.1:8786``."""
        return str(json.loads(self.file.read_text())["address"])

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start one process of the cluster."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        with open(self.folder / "cluster.log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command, *_QUIET],
                stdout=log, stderr=log, cwd=self.folder, env=environment,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker that makes one song at a time."""
        return self.start("worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--no-nanny")


@contextlib.contextmanager
def running_cluster(folder: Path, workers: int = 2, **environment: str) -> Iterator[Cluster]:
    """Run a cluster, and kill it in the end; the first of its processes is the scheduler."""
    cluster = Cluster(folder, environment)
    folder.mkdir(parents=True)
    try:
        cluster.start("scheduler", "--port", "0", "--scheduler-file", str(cluster.file))
        until(cluster.file.exists, 60)
        for _ in range(workers):
            cluster.start_worker()
        log = folder / "cluster.log"
        until(lambda: log.read_text().count("Registered to:") >= workers, 60)
        yield cluster
    finally:
        for process in cluster.processes:
            process.kill()
            process.wait()
