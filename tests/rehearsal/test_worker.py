"""What the worker asks the band for: the fields of a request, sorted by what they mean for its model."""

from __future__ import annotations

from pathlib import Path

import pytest

from minimax_nb.rehearsal.band.request import BandRequest
from minimax_nb.rehearsal.server.job_store import JobStore
from minimax_nb.rehearsal.server.worker import Worker
from tests.support import until
from tests.support.service import audio_bytes

COVER = {"model": "minimax/music-cover", "prompt": "a calm folk song"}


def band_request(folder: Path, body: dict[str, object]) -> BandRequest:
    """What a band is asked for when this body was accepted."""
    store = JobStore(folder / "jobs")
    job = store.accept(
        {**body, "reference_audio_url": "data:audio/mpeg;base64,"},
        client_request_id="", request_id="", cost_usd=0, reference=audio_bytes(16),
    )  # fmt: skip
    asked: list[BandRequest] = []

    def band(request: BandRequest, destination: Path) -> None:
        asked.append(request)
        destination.write_bytes(b"mp3")

    Worker(store, band)
    until(lambda: not store.unfinished(), 10)
    found = store.find(job.id)
    assert found is not None
    assert found.status == "completed"
    assert len(asked) == 1
    return asked[0]


@pytest.mark.parametrize(
    ("prompt", "lyrics", "accompaniment"),
    [("##Ding dong##", "Ding dong", True), ("Ding dong", "Ding dong", False)],
)
def test_marks_around_the_words_ask_for_accompaniment(
    tmp_path: Path, prompt: str, lyrics: str, accompaniment: bool
) -> None:
    asked = band_request(tmp_path, {"model": "minimax-music", "prompt": prompt})
    assert (asked.lyrics, asked.style, asked.accompaniment) == (lyrics, "", accompaniment)


@pytest.mark.parametrize("lyrics", ["", "Ding dong ding"])
def test_a_style_is_not_sung(tmp_path: Path, lyrics: str) -> None:
    asked = band_request(tmp_path, {**COVER, "lyrics": lyrics} if lyrics else COVER)
    assert (asked.lyrics, asked.style, asked.accompaniment) == (lyrics, "a calm folk song", True)


def test_rehearsal_options_are_handed_on(tmp_path: Path) -> None:
    asked = band_request(tmp_path, {**COVER, "tempo": 90, "key": "A minor", "language": "de", "seed": 5})
    assert (asked.tempo, asked.key, asked.language, asked.seed) == (90, "A minor", "de", 5)
