"""The two steps and the download of the rehearsal service, used over real sockets as a client would."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import soundfile

from tests.support import until
from tests.support.network import Host
from tests.support.service import (
    AUDIO,
    CREDITS,
    PRICE,
    Running,
    audio_bytes,
    data_uri,
    good_body,
    running_service,
)


def test_a_song_from_submit_to_its_bytes(service: Running) -> None:
    submitted = service.submit(client_request_id="the-song.1:a_b")
    assert submitted.status_code == 201
    job_id = submitted.json()["id"]
    assert submitted.json() == {"id": job_id, "status": "queued"}
    assert re.fullmatch(r"[0-9a-f-]{36}:minimax-music", job_id)
    assert submitted.headers["x-inference-id"] == job_id
    assert submitted.headers["X-Client-Request-Id"] == "the-song.1:a_b"
    assert submitted.headers["x-aimlapi-usd-spent"] == "0.035"
    assert submitted.headers["x-aimlapi-credits-used"] == str(CREDITS)

    song = service.wait(job_id)
    assert song["status"] == "completed"
    assert song["error"] is None
    assert song["meta"] == {"usage": {"credits_used": CREDITS, "usd_spent": PRICE}}
    file = song["audio_file"]
    assert file["file_name"] == "output.mp3"
    assert file["content_type"] == "audio/mpeg"

    audio = requests.get(file["url"], timeout=10)
    assert audio.status_code == 200
    assert len(audio.content) == file["file_size"] == int(audio.headers["Content-Length"])
    assert soundfile.info(io.BytesIO(audio.content)).duration == pytest.approx(2, abs=0.2)


def test_retrieving_is_free_and_says_its_id(service: Running) -> None:
    job_id = service.submit().json()["id"]
    answer = service.retrieve(job_id)
    assert answer.headers["x-inference-id"] == job_id
    assert answer.headers["x-aimlapi-usd-spent"] == "0"


def test_statuses_follow_what_happens(tmp_path: Path) -> None:
    with running_service(tmp_path, seconds=0.4) as service:
        ids = [service.submit().json()["id"] for _ in range(3)]
        expected = ["generating", "generating", "queued"]
        until(lambda: [service.retrieve(each).json()["status"] for each in ids] == expected)
        assert {service.wait(each)["status"] for each in ids} == {"completed"}


def test_the_same_submit_twice_is_two_songs_and_two_charges(service: Running) -> None:
    before = service.ask("GET", "/v2/billing").json()["current_balance"]
    ids = {service.submit(client_request_id="twice").json()["id"] for _ in range(2)}
    after = service.ask("GET", "/v2/billing").json()["current_balance"]
    assert len(ids) == 2
    assert before - after == pytest.approx(2 * PRICE)
    assert [job["id"] in ids for job in service.jobs() if job["client_request_id"] == "twice"] == [True, True]


def test_the_seed_comes_from_the_field_or_the_request_id(service: Running) -> None:
    service.submit(good_body(seed=7), client_request_id="seeded")
    for _ in range(2):
        service.submit(client_request_id="unseeded")
    service.submit()
    seeds = {job["client_request_id"]: job["seed"] for job in service.jobs()}
    assert seeds["seeded"] == 7
    assert {job["seed"] for job in service.jobs() if job["client_request_id"] == "unseeded"} == {seeds["unseeded"]}


def test_a_body_in_chunks_with_escaped_slashes_is_read(service: Running) -> None:
    text = json.dumps(good_body()).replace("/", "\\/").encode()
    chunks = (text[start : start + 1001] for start in range(0, len(text), 1001))
    answer = service.ask("POST", AUDIO, data=chunks, headers={"Content-Type": "application/json; charset=utf-8"})
    assert service.wait(answer.json()["id"])["status"] == "completed"


def test_a_cover_takes_style_lyrics_and_settings(service: Running) -> None:
    song = service.make(
        model="minimax/music-cover",
        prompt="a calm folk song",
        lyrics="[Verse]\nla la la",
        audio_setting={"sample_rate": 44100, "bitrate": 256000, "format": "mp3"},
    )
    assert song["status"] == "completed"
    assert song["id"].endswith(":minimax/music-cover")
    answer = service.submit(good_body(model="minimax/music-cover", prompt="a calm folk song"))
    assert answer.json()["meta"] == {"usage": {"credits_used": CREDITS, "usd_spent": PRICE}}


def test_a_reference_by_link_is_fetched_without_the_key(service: Running, site: Host) -> None:
    assert service.make(reference_audio_url=f"{site.url}/song.wav")["status"] == "completed"
    assert site.seen
    assert not any("Authorization" in seen.headers for seen in site.seen)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reference_audio_url": "http://127.0.0.1:9/none.mp3"}, "could not be fetched"),
        ({"reference_audio_url": data_uri(audio_bytes(5))}, "longer than 15 seconds"),
        ({"reference_audio_url": data_uri(b"words, not music")}, "cannot be read"),
        ({"key": "Cb"}, "no key Cb"),
    ],
)
def test_a_song_that_cannot_be_made_fails_and_costs_nothing(
    service: Running, changes: dict[str, Any], says: str
) -> None:
    before = service.ask("GET", "/v2/billing").json()["current_balance"]
    song = service.make(**changes)
    assert song["status"] == "error"
    assert says in song["error"]["message"]
    assert song["error"]["name"] == "invalid_input"
    assert song["audio_file"] is None
    assert song["meta"]["usage"]["credits_used"] == 0
    assert service.ask("GET", "/v2/billing").json()["current_balance"] == before
    entry = service.ask("GET", "/v2/logs", params={"period": "24h", "status": "failed", "limit": 1}).json()["data"][0]
    assert (entry["inference_id"], entry["status"]) == (song["id"], "failed")
    assert entry["cost"] == {"usd": 0.0, "credits": 0}


def test_a_link_that_is_not_there_fails_the_song(service: Running, site: Host) -> None:
    assert "404" in service.make(reference_audio_url=f"{site.url}/gone.mp3")["error"]["message"]


def test_a_download_needs_its_signature_and_no_key(service: Running) -> None:
    url = service.make()["audio_file"]["url"]
    assert requests.get(url, timeout=10).status_code == 200
    expires = urlsplit(url).query.split("&")[0].split("=")[1]
    for wrong in (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace(expires, str(int(expires) + 1)),
        url.split("?")[0],
        url.replace(expires, "x"),
    ):
        assert requests.get(wrong, timeout=10).status_code == 403
    assert requests.get(url, headers={"Host": "evil.example"}, timeout=10).status_code == 403
