"""A web site with a reference on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.network import Answer, Host, Seen, running_host
from tests.support.service import audio_bytes


@pytest.fixture
def site() -> Iterator[Host]:
    """A web site that has /song.wav and nothing else."""
    reference = Answer(audio_bytes(kind="WAV"), headers={"Content-Type": "audio/wav"})

    def serve(seen: Seen) -> Answer:
        return reference if seen.path == "/song.wav" else Answer(status=404)

    with running_host(serve) as host:
        yield host
