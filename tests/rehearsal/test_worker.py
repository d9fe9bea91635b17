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
    """What a band is requested for when this body was accepted."""
    store = JobStore(folder / "jobs")
    job = store.accept(
        {**body, "reference_audio_url": "data:audio/mpeg;base64,"},
        client_request_id="", request_id="", cost_usd=0, reference=audio_bytes(16),
    )  # fmt: skip
    requested: list[BandRequest] = []

    def band(request: BandRequest, destination: Path) -> None:
        requested.append(request)
        destination.write_bytes(b"mp3")

    Worker(store, band)
    until(lambda: not store.unfinished(), 10)
    found = store.find(job.id)
    assert found is not None
    assert found.status == "completed"
    assert len(requested) == 1
    return requested[0]


@pytest.mark.parametrize(
    ("prompt", "lyrics", "accompaniment"),
    [("##Ding dong##", "Ding dong", True), ("Ding dong", "Ding dong", False)],
)
def test_marks_around_the_words_ask_for_accompaniment(
    tmp_path: Path, prompt: str, lyrics: str, accompaniment: bool
) -> None:
    requested = band_request(tmp_path, {"model": "minimax-music", "prompt": prompt})
    assert (requested.lyrics, requested.style, requested.accompaniment) == (lyrics, "", accompaniment)


@pytest.mark.parametrize("lyrics", ["", "Ding dong ding"])
def test_a_style_is_not_sung(tmp_path: Path, lyrics: str) -> None:
    requested = band_request(tmp_path, {**COVER, "lyrics": lyrics} if lyrics else COVER)
    assert (requested.lyrics, requested.style, requested.accompaniment) == (lyrics, "a calm folk song", True)


def test_rehearsal_options_are_handed_on(tmp_path: Path) -> None:
    requested = band_request(tmp_path, {**COVER, "tempo": 90, "key": "A minor", "language": "de", "seed": 5})
    assert (requested.tempo, requested.key, requested.language, requested.seed) == (90, "A minor", "de", 5)


def test_what_is_asked_has_one_name_whatever_the_model_calls_it(tmp_path: Path) -> None:
    settings = {"audio_sample_rate": 24000, "bitrate": 64000, "format": "mp3"}
    body = {"model": "minimax/music-2.6", "prompt": "jazz", "is_instrumental": True, "audio_setting": settings}
    requested = band_request(tmp_path, body)
    assert (requested.instrumental, requested.style, requested.reference) == (True, "jazz", None)
    assert (requested.sample_rate, requested.bitrate, requested.format) == (24000, 64000, "mp3")
    assert requested.most_seconds == 300


@pytest.mark.parametrize(
    ("body", "instrumental", "seconds"),
    [
        ({"model": "google/lyria2", "prompt": "jazz", "seed": 7, "negative_prompt": "drums"}, True, None),
        ({"model": "stable-audio", "prompt": "jazz"}, True, 30),
        ({"model": "stable-audio", "prompt": "jazz", "seconds_total": 12}, True, 12),
        ({"model": "elevenlabs/eleven_music", "prompt": "jazz", "music_length_ms": 15500}, False, 15.5),
    ],
)
def test_length_and_voice_are_said_whatever_the_model(
    tmp_path: Path, body: dict[str, object], instrumental: bool, seconds: float | None
) -> None:
    requested = band_request(tmp_path, body)
    assert (requested.instrumental, requested.seconds, requested.style) == (instrumental, seconds, "jazz")
    assert requested.negative_style == body.get("negative_prompt", "")
    assert requested.reference is None


def test_a_cover_keeps_the_form_of_its_reference(tmp_path: Path) -> None:
    requested = band_request(tmp_path, COVER)
    assert requested.keep_form
    assert requested.reference is not None
