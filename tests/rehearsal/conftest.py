"""A service that all tests of this folder share, and a web site with a reference on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.network import Answer, Host, Seen, running_host
from tests.support.service import PRICE, Running, audio_bytes, running_service


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("home"), price=PRICE) as running:
        yield running


@pytest.fixture
def service(shared: Running) -> Iterator[Running]:
    """The shared service without faults."""
    shared.commit()
    yield shared
    shared.commit()


@pytest.fixture
def site() -> Iterator[Host]:
    """A web site that has /song.wav and nothing else."""
    reference = Answer(audio_bytes(kind="WAV"), headers={"Content-Type": "audio/wav"})

    def serve(seen: Seen) -> Answer:
        return reference if seen.path == "/song.wav" else Answer(status=404)

    with running_host(serve) as host:
        yield host
