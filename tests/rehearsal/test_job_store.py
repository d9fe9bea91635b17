"""The job store, used directly."""

from __future__ import annotations

import json
import time
from pathlib import Path

from minimax_nb.rehearsal.server.job_store import KEPT_SECONDS, JobStore
from tests.support.service import (
    good_body,
)


def test_old_jobs_are_removed_and_one_that_keeps_killing_the_service_is_given_up(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    body = good_body(reference_audio_url="http://example.org/a.mp3")
    old, poison = (
        store.accept(body, client_request_id=name, request_id="r", cost_usd=1, reference=None)
        for name in ("old", "poison")
    )
    store.fail(old.id, {"name": "name", "message": "message"})
    path = tmp_path / old.name / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "finished": time.time() - KEPT_SECONDS - 1}))
    (tmp_path / "incoming-rest").write_text("")
    (tmp_path / "never-accepted").mkdir()
    for _ in range(5):
        again = JobStore(tmp_path)
        assert again.begin(poison.id) is not None
    assert JobStore(tmp_path).begin(poison.id) is None
    last = JobStore(tmp_path)
    assert [(job.id, job.status, job.cost_usd) for job in last.newest_first()] == [(poison.id, "error", 0)]
    assert [path.name for path in tmp_path.iterdir()] == [poison.name]
