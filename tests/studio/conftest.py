"""A rehearsal service, and somebody with a studio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minimax_nb import MusicStudio, Session
from tests.studio.hand import LYRICS, Hand
from tests.support.service import Running, audio_bytes, running_service


@pytest.fixture
def service(home: Path) -> Iterator[Running]:
    """A service whose songs take no time."""
    with running_service(home) as running:
        yield running


@pytest.fixture
def hand() -> Hand:
    """Somebody with an empty studio."""
    return Hand(MusicStudio(session=Session(rehearse=True)))


@pytest.fixture
def ready(hand: Hand) -> Hand:
    """Somebody who has filled in the form."""
    hand.upload(audio_bytes(16, kind="WAV"))
    hand.write(LYRICS)
    return hand
