"""A rehearsal service, and somebody with a studio."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from minimax_nb import MusicStudio, Session
from minimax_nb.studio.draft import QUIET_SECONDS, Saver
from tests.studio.hand import LYRICS, Hand
from tests.support import until
from tests.support.service import Running, audio_bytes, running_service


@pytest.fixture(autouse=True)
def _drafts(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Drafts are written down sooner here, and in the library of their own test."""
    assert QUIET_SECONDS == 2
    monkeypatch.setattr("minimax_nb.studio.cards.draft.Saver", partial(Saver, seconds=0.3))
    yield
    until(lambda: not [each for each in threading.enumerate() if each.name == "minimax_nb draft"])


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
