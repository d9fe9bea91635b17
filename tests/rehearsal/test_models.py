"""Every model of the rehearsal service: what its page says it takes, written down once more, and what comes out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import requests
import soundfile

from tests.support.service import PRICE, Running, check_error, data_uri

SONG = data_uri()
STYLE, WORDS = "a calm folk song", "Ding dong ding dong"

# The smallest body that each model takes, as its page shows it.
SMALLEST: dict[str, dict[str, Any]] = {
    "minimax-music": {"prompt": "##Ding dong##", "reference_audio_url": SONG},
    "minimax/music-2.6": {},
    "minimax/music-cover": {"prompt": STYLE, "reference_audio_url": SONG},
    "minimax/music-2.0": {"prompt": STYLE, "lyrics": WORDS},
    "minimax/music-1.5": {"prompt": STYLE, "lyrics": WORDS},
    "google/lyria2": {"prompt": STYLE},
    "stable-audio": {"prompt": STYLE},
    "elevenlabs/eleven_music": {"prompt": STYLE},
}

SETTINGS = {"audio_sample_rate": 32000, "bitrate": 64000, "format": "wav"}

# Every field of each model at, below and above each limit: values that are taken, values that are not.
FIELDS: dict[str, dict[str, tuple[list[Any], list[Any]]]] = {
    "minimax-music": {
        "prompt": (["l", "l" * 600], ["", "l" * 601, 5, None]),
        "lyrics": ([], [WORDS]),
        "audio_setting": ([], [SETTINGS]),
    },
    "minimax/music-2.6": {
        "prompt": ([STYLE, "s" * 2000], ["s" * 2001, 5]),
        "lyrics": ([WORDS, "l" * 3000], ["l" * 3001, 5]),
        "is_instrumental": ([True, False], ["yes", 1, None]),
        "lyrics_optimizer": ([True, False], ["yes", 0]),
        "audio_setting": ([SETTINGS, {}], [{"sample_rate": 44100}, {"format": "pcm"}, "mp3"]),
        "reference_audio_url": ([], [SONG]),
    },
    "minimax/music-cover": {
        "prompt": (["s" * 10, "s" * 2000], ["s" * 9, "s" * 2001, None]),
        "lyrics": (["l" * 10, "l" * 3000], ["l" * 9, "l" * 3001]),
        "audio_setting": ([{"sample_rate": 16000}], [{"audio_sample_rate": 44100}, {"bitrate": 1}]),
        "is_instrumental": ([], [True]),
    },
    "minimax/music-2.0": {
        "prompt": (["s" * 10, "s" * 2000], ["s" * 9, "s" * 2001]),
        "lyrics": (["l" * 10, "l" * 3000], ["l" * 9, "l" * 3001]),
        "audio_setting": ([SETTINGS], [{"audio_sample_rate": 48000}, {"sample_rate": 44100}]),
    },
    "minimax/music-1.5": {
        "prompt": (["s" * 10, "s" * 300], ["s" * 9, "s" * 301]),
        "lyrics": (["l" * 10, "l" * 3000], ["l" * 9, "l" * 3001]),
        "audio_setting": ([SETTINGS], [{"format": "ogg"}]),
    },
    "google/lyria2": {
        "prompt": ([STYLE], ["", 5]),
        "negative_prompt": (["drums"], [5]),
        "seed": ([0, 5, 2**40], [-1, 1.5, "5"]),
        "lyrics": ([], [WORDS]),
    },
    "stable-audio": {
        "prompt": ([STYLE], ["", 5]),
        "seconds_start": ([1, 47], [0, 48, 1.5]),
        "seconds_total": ([1, 47], [0, 48, 1.5, "30"]),
        "steps": ([1, 1000], [0, 1001, 1.5]),
        "music_length_ms": ([], [10000]),
    },
    "elevenlabs/eleven_music": {
        "prompt": (["s", "s" * 2000], ["", "s" * 2001]),
        "music_length_ms": ([10000, 300000], [9999, 300001, "10000"]),
        "seconds_total": ([], [30]),
    },
}


def body(model: str, **changes: Any) -> dict[str, Any]:
    return {"model": model, **SMALLEST[model], **changes}


def values(which: int) -> list[tuple[str, str, Any]]:
    rows = ((model, field, cases[which]) for model, fields in FIELDS.items() for field, cases in fields.items())
    return [(model, field, value) for model, field, cases in rows for value in cases]


@pytest.mark.parametrize("model", SMALLEST)
def test_every_model_makes_a_song_of_the_least_it_needs(service: Running, model: str) -> None:
    submitted = service.submit(body(model))
    assert submitted.status_code == 201
    assert submitted.json()["id"].endswith(f":{model}")
    song = service.wait(submitted.json()["id"])
    assert song["status"] == "completed", song
    kind = "WAV" if model in ("google/lyria2", "stable-audio") else "MP3"
    file = song["audio_file"]
    assert file["content_type"] == {"WAV": "audio/wav", "MP3": "audio/mpeg"}[kind]
    assert file["file_name"] == f"output.{kind.lower()}"
    assert f"/output.{kind.lower()}?" in file["url"]
    content = requests.get(file["url"], timeout=10).content
    assert len(content) == file["file_size"]
    if "extra_info" in song:
        assert song["extra_info"]["music_size"] == file["file_size"]
        assert song["extra_info"]["music_duration"] == pytest.approx(2000, abs=200)
    assert ("extra_info" in song) == model.startswith("minimax/")
    assert soundfile.info(io.BytesIO(content)).format == kind


@pytest.mark.parametrize("model", SMALLEST)
def test_every_model_needs_what_its_page_says(service: Running, model: str) -> None:
    for field in SMALLEST[model]:
        whole = body(model)
        del whole[field]
        answer = service.submit(whole)
        check_error(answer, 400)
        (row,) = answer.json()["error"]["data"]
        assert (row["path"], row["received"]) == ([field], "undefined")


@pytest.mark.parametrize(("model", "field", "value"), values(0))
def test_a_value_within_its_limits_is_taken(service: Running, model: str, field: str, value: Any) -> None:
    answer = service.submit(body(model, **{field: value}))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("model", "field", "value"), values(1))
def test_a_value_beyond_its_limits_is_named(service: Running, model: str, field: str, value: Any) -> None:
    before = len(service.jobs())
    answer = service.submit(body(model, **{field: value}))
    check_error(answer, 400)
    assert {row["path"][0].partition(".")[0] for row in answer.json()["error"]["data"]} == {field}
    assert len(service.jobs()) == before


def made(service: Running, model: str, **changes: Any) -> soundfile._SoundFileInfo:
    song = service.wait(service.submit(body(model, **changes)).json()["id"])
    assert song["status"] == "completed", song
    return soundfile.info(io.BytesIO(requests.get(song["audio_file"]["url"], timeout=10).content))


def test_length_rate_and_format_are_obeyed(service: Running) -> None:
    song = made(service, "minimax/music-2.0", audio_setting=SETTINGS)
    assert (song.format, song.samplerate) == ("WAV", 32000)
    assert made(service, "stable-audio", seconds_total=3).duration == pytest.approx(3, abs=0.1)
    assert made(service, "stable-audio").duration == pytest.approx(30, abs=0.1)
    assert made(service, "elevenlabs/eleven_music", music_length_ms=12500).duration == pytest.approx(12.5, abs=0.1)


@pytest.mark.parametrize(
    ("model", "seconds", "says"),
    [
        ("minimax-music", 15, "longer than 15"), ("minimax-music", 15.2, ""),
        ("minimax/music-cover", 5.8, "longer than 6"), ("minimax/music-cover", 6.1, ""),
        ("minimax/music-cover", 359, ""), ("minimax/music-cover", 361, "at most 360"),
    ],
)  # fmt: skip
def test_a_reference_must_have_the_length_that_its_model_takes(
    service: Running, model: str, seconds: float, says: str
) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(int(seconds * 8000), "int16"), 8000, format="WAV")
    reference = data_uri(file.getvalue(), "audio/wav")
    song = service.wait(service.submit(body(model, reference_audio_url=reference)).json()["id"])
    assert song["status"] == ("error" if says else "completed")
    assert not says or says in song["error"]["message"]


def listed(service: Running, query: str = "") -> list[dict[str, Any]]:
    return list(requests.get(f"{service.address.base_url}/v1/models{query}", timeout=10).json()["data"])


def test_the_list_has_every_model_and_what_is_not_music(service: Running) -> None:
    rows = listed(service, "?include=pricing")
    music = [row for row in rows if row["type"] == "internal/audio-generations/submit"]
    assert [row["id"] for row in music] == list(SMALLEST)
    assert {row["pricing"]["units"][0]["price"] for row in music} == {PRICE}
    others = [row for row in rows if row not in music]
    assert "openai/gpt-4o" in [row["id"] for row in others]
    assert not any("pricing" in row for row in others)
    assert not any("pricing" in row for row in listed(service))


@pytest.mark.parametrize("name", ["minimax/music-2.6", "music-2.6"])
def test_a_model_is_found_by_its_id_and_by_its_alias(service: Running, name: str) -> None:
    rows = listed(service, f"?id={name}&include=pricing")
    assert {row["id"] for row in rows} == {"minimax/music-2.6"}
    assert rows[0]["aliases"] == ["music-2.6"]
    assert len(rows) == 2  # the same id under two types


def test_prices_can_be_of_other_kinds(service: Running) -> None:
    query = "?id=minimax-music&include=pricing"
    service.commit({"fault": "price_variants", "times": 1}, {"fault": "price_null", "times": 1})
    variants, empty = (listed(service, query)[0]["pricing"] for _ in range(2))
    assert variants["kind"] == "variants"
    assert [variant["price"] for variant in variants["variants"]] == [PRICE, 2 * PRICE]
    assert (empty["units"][0]["price"], empty["units"][0]["per"]) == (None, None)
