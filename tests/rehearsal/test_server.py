"""The rehearsal service, asked over real sockets as a client would."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import io
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
import soundfile

from minimax_nb.errors import RehearsalError
from minimax_nb.rehearsal.launcher import address
from minimax_nb.rehearsal.server.faults import CALLS, FAULTS, parse
from minimax_nb.rehearsal.server.job_store import KEPT_SECONDS, Ledger
from minimax_nb.rehearsal.server.request_body import Upload
from minimax_nb.rehearsal.server.responses import Refusal
from tests.support.service import Running, audio_bytes, data_uri, good_body, running_service

PRICE = 0.035
CREDITS = 70_000
ROOT = Path(__file__).parents[2]
AUDIO = "/v2/generate/audio"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("home"), price=PRICE) as running:
        yield running


@pytest.fixture
def service(shared: Running) -> Iterator[Running]:
    shared.commit()
    yield shared
    shared.commit()


def made(service: Running, **changes: Any) -> dict[str, Any]:
    return service.wait(service.submit(good_body(**changes)).json()["id"])


def check_error(answer: requests.Response, status: int, path: str = AUDIO) -> str:
    body = answer.json()
    assert answer.status_code == status
    assert set(body) == {"message", "path", "requestId", "statusCode", "timestamp"}
    assert (body["statusCode"], body["path"]) == (status, path)
    assert body["timestamp"].endswith("Z")
    return str(body["message"])


# The two steps


def test_a_song_from_submit_to_its_bytes(service: Running) -> None:
    submitted = service.submit(client_request_id="the-song.1:a_b")
    assert submitted.status_code == 200
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
    assert song["meta"] == {"usage": {"credits_used": CREDITS}}
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
        time.sleep(0.1)
        assert [service.retrieve(each).json()["status"] for each in ids] == ["generating", "generating", "queued"]
        assert {service.wait(each)["status"] for each in ids} == {"completed"}


def test_the_same_submit_twice_is_two_songs_and_two_charges(service: Running) -> None:
    before = service.ask("GET", "/v2/billing").json()["current_balance"]
    ids = {service.submit(client_request_id="twice").json()["id"] for _ in range(2)}
    after = service.ask("GET", "/v2/billing").json()["current_balance"]
    assert len(ids) == 2
    assert before - after == pytest.approx(2 * PRICE)
    assert [job["id"] in ids for job in service.ledger() if job["client_request_id"] == "twice"] == [True, True]


def test_the_seed_comes_from_the_field_or_the_request_id(service: Running) -> None:
    service.submit(good_body(seed=7), client_request_id="seeded")
    for _ in range(2):
        service.submit(client_request_id="unseeded")
    service.submit()
    seeds = {job["client_request_id"]: job["seed"] for job in service.ledger()}
    assert seeds["seeded"] == 7
    assert {job["seed"] for job in service.ledger() if job["client_request_id"] == "unseeded"} == {seeds["unseeded"]}


def test_a_body_in_chunks_with_escaped_slashes_is_read(service: Running) -> None:
    text = json.dumps(good_body()).replace("/", "\\/").encode()
    parts = (text[start : start + 1001] for start in range(0, len(text), 1001))
    answer = service.ask("POST", AUDIO, data=parts, headers={"Content-Type": "application/json; charset=utf-8"})
    assert service.wait(answer.json()["id"])["status"] == "completed"


def test_a_cover_takes_style_lyrics_and_settings(service: Running) -> None:
    song = made(
        service,
        model="minimax/music-cover",
        prompt="a calm folk song",
        lyrics="[Verse]\nla la la",
        audio_setting={"sample_rate": 44100, "bitrate": 256000, "format": "mp3"},
    )
    assert song["status"] == "completed"
    assert song["id"].endswith(":minimax/music-cover")


class _Site(http.server.BaseHTTPRequestHandler):
    seen: list[dict[str, str]] = []  # noqa: RUF012  a class is what http.server makes handlers of

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        found = self.path.endswith("/song.wav")
        self.send_response(200 if found else 404)
        self.end_headers()
        if found:
            self.wfile.write(audio_bytes(kind="WAV"))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Site.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_reference_by_link_is_fetched_without_the_key(service: Running, site: str) -> None:
    assert made(service, reference_audio_url=f"{site}/song.wav")["status"] == "completed"
    assert _Site.seen
    assert not any("Authorization" in headers for headers in _Site.seen)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reference_audio_url": "http://127.0.0.1:9/none.mp3"}, "could not be fetched"),
        ({"reference_audio_url": data_uri(audio_bytes(5))}, "longer than 15 seconds"),
        ({"reference_audio_url": data_uri(b"words, not music")}, "cannot be read"),
        ({"key": "H"}, "no key H"),
    ],
)
def test_a_song_that_cannot_be_made_fails_and_costs_nothing(
    service: Running, changes: dict[str, Any], says: str
) -> None:
    before = service.ask("GET", "/v2/billing").json()["current_balance"]
    song = made(service, **changes)
    assert song["status"] == "error"
    assert says in song["error"]["message"]
    assert song["error"]["name"] == "invalid_input"
    assert song["audio_file"] is None
    assert song["meta"]["usage"]["credits_used"] == 0
    assert service.ask("GET", "/v2/billing").json()["current_balance"] == before
    entry = service.ask("GET", "/v2/logs", params={"status": "failed", "limit": 1}).json()["data"][0]
    assert (entry["inference_id"], entry["status"]) == (song["id"], "failed")
    assert entry["cost"] == {"usd": 0.0, "credits": 0}


def test_a_link_that_is_not_there_fails_the_song(service: Running, site: str) -> None:
    assert "404" in made(service, reference_audio_url=f"{site}/gone.mp3")["error"]["message"]


# What is refused


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"prompt": ""}, "prompt: Expected a text of 1 to 600 characters. Received a text of 0 characters."),
        ({"prompt": "x" * 601}, "Received a text of 601 characters."),
        ({"prompt": 5}, "Received a number."),
        ({"prompt": None}, "Received null."),
        ({"model": None}, "model: Expected"),
        ({"style": "calm"}, "'style': Unrecognized field."),
        ({"lyrics": "la " * 5}, "'lyrics': Unrecognized field."),
        ({"tempo": "fast"}, "tempo: Expected"),
        ({"tempo": True}, "tempo: Expected"),
        ({"seed": -1}, "seed: Expected"),
        ({"seed": 1.5}, "seed: Expected"),
        ({"key": []}, "Received an array."),
        ({"reference_audio_url": "ftp://example.org/a.mp3"}, "reference_audio_url: Expected"),
        ({"reference_audio_url": "file:///etc/passwd"}, "reference_audio_url: Expected"),
        ({"reference_audio_url": "song.mp3"}, "reference_audio_url: Expected"),
        ({"reference_audio_url": "http://"}, "reference_audio_url: Expected"),
        ({"reference_audio_url": "http://[::1"}, "reference_audio_url: Expected"),
        ({"reference_audio_url": "data:audio/mpeg,abc"}, "reference_audio_url: Expected"),
        ({"reference_audio_url": data_uri(b"words", "text/plain")}, "reference_audio_url: Expected"),
        ({"reference_audio_url": "data:audio/mpeg;base64,"}, "reference_audio_url: Expected"),
        ({"reference_audio_url": "data:audio/mpeg;base64,QUJ*"}, "valid base64"),
        ({"reference_audio_url": "data:audio/mpeg;base64,QUJ"}, "valid base64"),
        ({"reference_audio_url": "data:audio/mpeg;base64,QQ==QUJD"}, "valid base64"),
        ({"model": "minimax/music-cover", "prompt": "short"}, "10 to 2000 characters"),
        (
            {"model": "minimax/music-cover", "prompt": "a calm song", "audio_setting": {"format": "wav"}},
            "audio_setting: Expected",
        ),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_accepted(service: Running, changes: dict[str, Any], says: str) -> None:
    before = len(service.ledger())
    message = check_error(service.submit(good_body(**changes)), 400)
    assert message.startswith("Body validation error! ")
    assert says in message
    assert len(service.ledger()) == before


@pytest.mark.parametrize("field", ["prompt", "reference_audio_url"])
def test_a_missing_field_is_named(service: Running, field: str) -> None:
    body = good_body()
    del body[field]
    assert re.search(f"{field}: Expected .* Received nothing", check_error(service.submit(body), 400))


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1]", b'"text"', b'{"seed": NaN}', b"\xff\xfe", b"[" * 100_000, b"null"]
)
def test_what_is_no_json_object_is_refused(service: Running, text: bytes) -> None:
    answer = service.ask("POST", AUDIO, data=text, headers={"Content-Type": "application/json"})
    assert "Expected a JSON object" in check_error(answer, 400)


def test_another_content_type_is_refused(service: Running) -> None:
    answer = service.ask("POST", AUDIO, data=json.dumps(good_body()), headers={"Content-Type": "text/plain"})
    assert "application/json" in check_error(answer, 400)


def test_an_unknown_model_is_not_found(service: Running) -> None:
    assert "suno" in check_error(service.submit(good_body(model="suno")), 404)


def test_a_body_that_is_too_large_is_told_so(service: Running) -> None:
    message = check_error(service.submit(good_body(prompt="x" * 1_100_000)), 413)
    assert "80 MB" in message
    zeros = (b"A" * 1_000_000 for _ in range(81))
    head = b'{"reference_audio_url": "data:audio/mpeg;base64,'
    answer = service.ask(
        "POST",
        AUDIO,
        data=(part for parts in ([head], zeros) for part in parts),
        headers={"Content-Type": "application/json"},
    )
    check_error(answer, 413)
    wait_until(lambda: not list((service.home / "rehearsal" / "jobs").glob("incoming-*")))


def test_a_reference_over_50_mb_is_refused(service: Running) -> None:
    answer = service.submit(good_body(reference_audio_url=data_uri(bytes(50_000_001))))
    assert "1 to 50000000 bytes" in check_error(answer, 400)


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic abc", "Bearer ", "Bearer \xe9"])
@pytest.mark.parametrize("path", [AUDIO, "/v2/logs", "/v2/billing", "/rehearsal/faults"])
def test_no_key_no_answer(service: Running, path: str, given: str) -> None:
    answer = service.ask("GET", path, headers={"Authorization": given.encode("latin-1")})
    assert "Unauthorized" in check_error(answer, 401, path)


def test_a_submit_that_breaks_off_leaves_nothing_on_disk(service: Running) -> None:
    folder = service.home / "rehearsal" / "jobs"
    before = set(folder.iterdir())
    body = json.dumps(good_body()).encode()
    with socket.create_connection(("127.0.0.1", urlsplit(service.address.base_url).port or 0)) as connection:
        head = f"POST {AUDIO} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {service.address.key}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-10])
        wait_until(lambda: set(folder.iterdir()) != before)
    wait_until(lambda: set(folder.iterdir()) == before)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_submit_without_a_key_leaves_nothing_on_disk(service: Running) -> None:
    before = set((service.home / "rehearsal" / "jobs").iterdir())
    answer = service.ask("POST", AUDIO, json=good_body(), headers={"Authorization": "Bearer no"})
    check_error(answer, 401)
    assert set((service.home / "rehearsal" / "jobs").iterdir()) == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_another_host_name_is_refused(service: Running, host: str) -> None:
    check_error(service.ask("GET", "/v2/billing", headers={"Host": host}), 403, "/v2/billing")


def test_unknown_paths_methods_and_songs(service: Running) -> None:
    check_error(service.ask("GET", "/v3/none"), 404, "/v3/none")
    check_error(service.ask("DELETE", "/v2/logs"), 405, "/v2/logs")
    assert "gone:minimax-music" in check_error(service.retrieve("gone:minimax-music"), 404)
    assert "generation_id" in check_error(service.ask("GET", AUDIO), 400)


@pytest.mark.parametrize("given", ["a b", "x" * 129, "a/b", "é".encode().decode("latin-1")])
def test_a_strange_client_request_id_is_dropped(service: Running, given: str) -> None:
    answer = service.submit(client_request_id=given)
    assert "X-Client-Request-Id" not in answer.headers
    assert service.ledger()[-1]["client_request_id"] == ""


# Downloads


def test_a_download_needs_its_signature_and_no_key(service: Running) -> None:
    url = made(service)["audio_file"]["url"]
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


# Logs, billing, models


def test_logs_find_a_song_by_its_client_request_id(service: Running) -> None:
    job_id = service.submit(client_request_id="to-be-found").json()["id"]
    page = service.ask("GET", "/v2/logs", params={"period": "24h", "model": "minimax-music", "limit": 5}).json()
    newest = page["data"][0]
    assert newest["client_request_id"] == "to-be-found"
    assert newest["inference_id"] == job_id
    assert newest["status"] == "succeeded"
    assert newest["cost"] == {"usd": PRICE, "credits": CREDITS}
    assert set(newest) == {
        "created", "status", "origin", "model", "cost", "tokens", "request_id", "inference_id", "client_request_id",
    }  # fmt: skip


def test_logs_are_paged_newest_first(service: Running) -> None:
    for number in range(3):
        service.submit(client_request_id=f"page-{number}")
    pages = [service.ask("GET", "/v2/logs", params={"limit": 2, "offset": offset}).json() for offset in (0, 2)]
    found = [entry["client_request_id"] for page in pages for entry in page["data"]]
    assert found[:3] == ["page-2", "page-1", "page-0"]
    total = len(service.ledger())
    assert pages[0]["pagination"] == {"limit": 2, "offset": 0, "total": total, "has_more": total > 2}
    last = service.ask("GET", "/v2/logs", params={"offset": total}).json()
    assert (last["data"], last["pagination"]["has_more"]) == ([], False)


def test_logs_by_start_and_end(service: Running) -> None:
    service.submit()
    now = datetime.now(timezone.utc)
    spans = {"before": (now - timedelta(days=92), now - timedelta(days=1)), "now": (now - timedelta(hours=1), now)}
    totals = {
        name: service.ask("GET", "/v2/logs", params={"start": start.isoformat(), "end": end.isoformat()}).json()
        for name, (start, end) in spans.items()
    }
    assert totals["before"]["pagination"]["total"] == 0
    assert totals["now"]["pagination"]["total"] == len(service.ledger())


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=x", "offset=-1", "period=93d", "period=soon", "status=maybe",
        "start=2026-01-01", "start=2026-01-01&end=2026-06-01", "start=2026-02-01&end=2026-01-01", "start=a&end=b",
    ],
)  # fmt: skip
def test_logs_refuse_what_they_cannot_answer(service: Running, query: str) -> None:
    check_error(service.ask("GET", f"/v2/logs?{query}"), 400, "/v2/logs")


def test_the_price_needs_no_key_and_has_an_etag(service: Running) -> None:
    url = f"{service.address.base_url}/v1/models?id={quote('minimax-music')}&include=pricing"
    answer = requests.get(url, timeout=10)
    model = answer.json()["data"][0]
    assert (model["id"], model["aliases"]) == ("minimax-music", [])
    assert model["pricing"]["kind"] == "fixed"
    assert model["pricing"]["units"][0]["price"] == PRICE
    again = requests.get(url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")
    assert requests.get(url.replace("minimax-music", "none"), timeout=10).json()["data"] == []
    assert "pricing" not in requests.get(url.split("&")[0], timeout=10).json()["data"][0]


def test_no_credits_left(tmp_path: Path) -> None:
    with running_service(tmp_path, price=60) as service:
        assert service.submit().status_code == 200
        assert "run out of credits" in check_error(service.submit(), 403)
        assert len(service.ledger()) == 1


# Faults


def ask(service: Running, call: str, job: dict[str, Any]) -> requests.Response:
    if call == "submit":
        return service.submit()
    if call == "retrieve":
        return service.retrieve(job["id"])
    if call == "download":
        parts = urlsplit(job["audio_file"]["url"])
        return service.ask("GET", f"{parts.path}?{parts.query}")
    return service.ask("GET", {"logs": "/v2/logs", "billing": "/v2/billing", "models": "/v1/models"}[call])


STATUSES = {
    "bad_gateway": 502, "bad_gateway_after": 502, "html_body": 502, "html_ok": 200, "empty_body": 200,
    "rate_limit_seconds": 429, "rate_limit_date": 429, "unauthorized": 401, "no_credits": 403,
    "not_found": 404, "redirect": 302,
}  # fmt: skip
ACCEPTING = {"bad_gateway_after", "empty_body", "drop_after", "slow"}
EVERYWHERE = [name for name, fault in FAULTS.items() if fault.calls == CALLS]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", EVERYWHERE)
def test_a_fault_strikes_its_call_once_and_no_other(service: Running, fault: str, call: str) -> None:
    job = made(service)
    service.commit({"fault": fault, "call": call, "times": 1, "seconds": 0.3})
    before, began = len(service.ledger()), time.monotonic()
    if fault.startswith("drop"):
        with pytest.raises(requests.ConnectionError):
            ask(service, call, job)
    else:
        answer = ask(service, call, job)
        assert answer.status_code == STATUSES.get(fault, 200)
        check_shape(fault, answer, time.monotonic() - began)
    assert len(service.ledger()) - before == (call == "submit" and fault in ACCEPTING)
    assert service.fired() == [1]
    assert ask(service, call, job).status_code == 200
    assert service.fired() == [1]


def check_shape(fault: str, answer: requests.Response, seconds: float) -> None:
    if fault.startswith("html"):
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.text.startswith("<!DOCTYPE html>")
    elif fault == "empty_body":
        assert answer.content == b""
    elif fault == "rate_limit_seconds":
        assert answer.headers["Retry-After"] == "1"
    elif fault == "rate_limit_date":
        when = parsedate_to_datetime(answer.headers["Retry-After"])
        assert -1 <= (when - datetime.now(timezone.utc)).total_seconds() <= 2
    elif fault == "slow":
        assert seconds >= 0.3
    elif fault == "redirect":
        assert answer.headers["Location"] == "http://elsewhere.invalid/"
    elif fault == "no_credits":
        assert "run out of credits" in answer.json()["message"]
    else:
        assert answer.json()["statusCode"] == answer.status_code


@pytest.mark.parametrize("fault", sorted(ACCEPTING))
def test_an_accepted_song_can_be_found_though_its_answer_was_lost(service: Running, fault: str) -> None:
    service.commit({"fault": fault, "call": "submit", "seconds": 0.1})
    try:
        service.submit(client_request_id=f"lost-{fault}")
    except requests.ConnectionError:
        assert fault == "drop_after"
    entry = service.ask("GET", "/v2/logs", params={"limit": 1}).json()["data"][0]
    assert entry["client_request_id"] == f"lost-{fault}"
    assert entry["cost"]["usd"] == PRICE
    assert service.wait(entry["inference_id"])["status"] == "completed"


def test_a_client_that_does_not_wait_is_charged_all_the_same(service: Running) -> None:
    service.commit({"fault": "slow", "call": "submit", "seconds": 0.5})
    before = len(service.ledger())
    with pytest.raises(requests.Timeout):
        requests.post(
            service.address.base_url + AUDIO, json=good_body(), timeout=0.2,
            headers={"Authorization": f"Bearer {service.address.key}"},
        )  # fmt: skip
    assert len(service.ledger()) == before + 1


def test_data_can_be_refused_and_a_link_taken(service: Running, site: str) -> None:
    service.commit({"fault": "data_refused"})
    before = len(service.ledger())
    message = check_error(service.submit(), 400)
    assert "reference_audio_url: Expected an http(s) URL" in message
    assert len(service.ledger()) == before
    assert made(service, reference_audio_url=f"{site}/song.wav")["status"] == "completed"
    assert service.fired() == [1]


def test_a_song_can_fail_for_good(service: Running) -> None:
    job = made(service)
    service.commit({"fault": "error_status", "times": 1})
    for _ in range(2):
        answer = service.retrieve(job["id"]).json()
        assert answer["status"] == "error"
        assert set(answer["error"]) == {"name", "message"}
    assert [entry["cost_usd"] for entry in service.ledger() if entry["id"] == job["id"]] == [0]


def test_statuses_nobody_knows_and_fields_that_are_missing(service: Running) -> None:
    job = made(service)
    service.commit({"fault": "unknown_status", "times": 1}, {"fault": "missing_fields", "times": 1})
    assert service.retrieve(job["id"]).json() == {"id": job["id"], "status": "pondering"}
    bare = service.retrieve(job["id"]).json()
    assert set(bare) == {"id", "status", "meta", "audio_file"}
    assert bare["meta"] is None
    assert set(bare["audio_file"]) == {"url"}
    assert requests.get(bare["audio_file"]["url"], timeout=10).status_code == 200
    assert service.retrieve(job["id"]).json()["audio_file"]["file_size"]


def test_an_address_expires_and_retrieve_gives_a_new_one(service: Running) -> None:
    job = made(service)
    service.commit({"fault": "expired_audio"})
    old = job["audio_file"]["url"]
    assert [requests.get(old, timeout=10).status_code for _ in range(2)] == [403, 403]
    fresh = service.retrieve(job["id"]).json()["audio_file"]["url"]
    assert fresh != old
    assert requests.get(fresh, timeout=10).status_code == 200
    assert service.fired() == [1]


def test_audio_that_stops_half_way(service: Running) -> None:
    job = made(service)
    size = job["audio_file"]["file_size"]
    service.commit({"fault": "truncated_audio", "times": 1}, {"fault": "short_audio", "times": 1})
    parts = urlsplit(job["audio_file"]["url"])
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    assert int(answer.headers["Content-Length"]) == size
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert len(caught.value.partial) == size // 2
    connection.close()
    short = requests.get(job["audio_file"]["url"], timeout=10)
    assert len(short.content) == int(short.headers["Content-Length"]) == size // 2


def test_logs_can_be_late(service: Running) -> None:
    service.commit({"fault": "logs_late", "seconds": 0.5})
    job_id = service.submit().json()["id"]

    def logged() -> bool:
        page = service.ask("GET", "/v2/logs", params={"limit": 1}).json()["data"]
        return bool(page) and page[0]["inference_id"] == job_id

    assert not logged()
    time.sleep(0.6)
    assert logged()


def test_after_rate_and_order_of_rules(service: Running) -> None:
    service.commit({"fault": "bad_gateway", "call": "billing", "after": 2, "times": 1})
    assert [service.ask("GET", "/v2/billing").status_code for _ in range(4)] == [200, 200, 502, 200]
    rule = {"fault": "bad_gateway", "call": "billing", "rate": 0.3, "seed": 4}
    rounds = []
    for _ in range(2):
        service.commit(rule)
        rounds.append([service.ask("GET", "/v2/billing").status_code for _ in range(40)])
    assert rounds[0] == rounds[1]
    assert 4 <= rounds[0].count(502) <= 22
    service.commit({"fault": "not_found", "times": 1}, {"fault": "no_credits", "times": 1})
    assert [service.ask("GET", "/v2/billing").status_code for _ in range(3)] == [404, 403, 200]


@pytest.mark.parametrize(
    "rules",
    [
        {}, ["none"], [5], [{}], [{"fault": "earthquake"}], [{"fault": ["slow"]}],
        [{"fault": "slow", "call": "dance"}], [{"fault": "truncated_audio", "call": "submit"}],
        [{"fault": "slow", "colour": "red"}], [{"fault": "slow", "rate": 2}], [{"fault": "slow", "times": -1}],
        [{"fault": "slow", "times": True}], [{"fault": "slow", "seconds": "long"}],
        [{"fault": "redirect", "url": "http://a\r\nX: y"}], ["{"],
    ],
)  # fmt: skip
def test_a_fault_that_does_not_exist_is_an_error(service: Running, rules: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(rules)
    check_error(service.ask("PUT", "/rehearsal/faults", json=rules), 400, "/rehearsal/faults")
    assert service.fired() == []


def test_every_fault_stands_in_the_table() -> None:
    from minimax_nb.rehearsal.server import faults

    assert set(re.findall(r"^`(\w+)` +(?:every|submit|retrieve|download|logs)", faults.__doc__ or "", re.M)) == set(
        FAULTS
    )


# Processes


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def record(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "rehearsal" / "service.json").read_text()))


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "minimax_nb.rehearsal", "--home", str(home), *arguments]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose service, if the test starts one, ends with it."""
    yield tmp_path
    if (tmp_path / "rehearsal" / "service.json").exists():
        with contextlib.suppress(OSError):
            os.kill(record(tmp_path)["pid"], signal.SIGTERM)


def test_a_killed_service_makes_its_songs_again(tmp_path: Path) -> None:
    with running_service(tmp_path, seconds=0.6, price=PRICE) as service:
        finished = service.submit(client_request_id="one").json()["id"]
        first = requests.get(service.wait(finished)["audio_file"]["url"], timeout=10).content
        ids = [service.submit(client_request_id="one").json()["id"] for _ in range(3)]
        time.sleep(0.2)
        assert service.retrieve(ids[0]).json()["status"] == "generating"
        before = service.address
        service.kill()
        assert [job["status"] in ("queued", "generating") for job in service.ledger()] == [False, True, True, True]
        service.start()
        assert service.address == before
        for job_id in [finished, *ids]:
            song = service.wait(job_id)
            assert requests.get(song["audio_file"]["url"], timeout=10).content == first
        assert sum(job["cost_usd"] for job in service.ledger()) == pytest.approx(4 * PRICE)


def test_two_starts_at_once_are_one_service_that_outlives_them(home: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from minimax_nb.rehearsal.launcher import address\n"
        "print(address(Path(sys.argv[1])).base_url, flush=True); time.sleep(60)"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home)],
            env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    urls = [starter.stdout.readline().strip() for starter in starters if starter.stdout]
    assert urls[0] == urls[1] != ""
    # By now the process that came second has met the lock; else it would take over when the first is stopped.
    time.sleep(1)
    for starter in starters:
        if os.name != "nt":
            os.killpg(starter.pid, signal.SIGINT)
        starter.kill()
        starter.wait()
    pid = record(home)["pid"]
    assert address(home).base_url == urls[0]
    assert record(home)["pid"] == pid


def test_a_second_process_ends_quietly(shared: Running) -> None:
    second = subprocess.run(command(shared.home), env=environment(), capture_output=True, timeout=20, check=False)
    assert (second.returncode, second.stdout, second.stderr) == (0, b"", b"")


def test_an_idle_service_ends(tmp_path: Path) -> None:
    began = time.monotonic()
    idle = subprocess.run(command(tmp_path, "--idle", "1"), env=environment(), timeout=20, check=False)
    assert idle.returncode == 0
    assert 1 <= time.monotonic() - began < 8


def test_a_service_nobody_can_find_any_more_ends(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        (tmp_path / "rehearsal" / "service.json").unlink()
        assert service.process.wait(10) == 0


def test_a_service_that_makes_a_song_is_not_idle(tmp_path: Path) -> None:
    with running_service(tmp_path, seconds=60) as service:
        service.submit()
        assert service.ask("POST", "/rehearsal/stop").status_code == 409


@pytest.mark.skipif(os.name == "nt", reason="Windows has no interrupt for a single process")
def test_an_interrupted_service_ends_well(tmp_path: Path) -> None:
    process = subprocess.Popen(command(tmp_path), env=environment(), stderr=subprocess.DEVNULL)
    while not (tmp_path / "rehearsal" / "service.json").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_only_the_owner_reads_key_log_and_jobs(home: Path) -> None:
    address(home)
    folder = home / "rehearsal"
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("service.json", "service.log", "jobs")}
    assert modes == {"service.json": 0o600, "service.log": 0o600, "jobs": 0o700}


def test_the_address_hides_its_key(shared: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_NB_HOME", str(shared.home))
    found = address()
    assert found == address(shared.home) == shared.address
    assert found.key not in repr(found)


def test_no_key_query_or_body_in_the_log(service: Running) -> None:
    service.submit(good_body(prompt="sung in secret"), client_request_id="log-me-not")
    service.ask("GET", "/v2/logs?period=24h&model=whispered")
    log = (service.home / "rehearsal" / "service.log").read_text()
    for secret in (service.address.key, "sung in secret", "whispered", "period=24h"):
        assert secret not in log


def test_a_stranger_at_the_port_never_sees_the_key(home: Path, site: str) -> None:
    folder = home / "rehearsal"
    folder.mkdir()
    stale = {"port": urlsplit(site).port, "key": "k" * 43, "version": "0", "pid": 1}
    (folder / "service.json").write_text(json.dumps(stale))
    found = address(home)
    assert found.base_url != site
    assert _Site.seen
    assert not any("k" * 43 in str(headers) for headers in _Site.seen)


@pytest.mark.parametrize("text", [
        "", "[]", "\x00", '{"port": "x", "key": 1, "version": 2, "pid": 3}',
        '{"port": 80, "key": "", "version": "1", "pid": 3}',
    ])  # fmt: skip
def test_a_broken_record_is_no_record(home: Path, text: str) -> None:
    (home / "rehearsal").mkdir()
    (home / "rehearsal" / "service.json").write_text(text)
    assert len(address(home).key) == 43


def rewrite_record(home: Path, **changes: Any) -> None:
    (home / "rehearsal" / "service.json").write_text(json.dumps({**record(home), **changes}))


def test_a_service_of_an_older_version_gives_way(home: Path) -> None:
    with running_service(home) as old:
        rewrite_record(home, version="")
        assert address(home)
        assert old.process.wait(10) == 0
        assert record(home)["pid"] != old.process.pid


def test_a_service_of_an_older_version_makes_its_songs_first(home: Path) -> None:
    with running_service(home, seconds=60) as old:
        old.submit()
        rewrite_record(home, version="")
        assert address(home) == old.address
        assert old.process.poll() is None


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "rehearsal").mkdir()
    (tmp_path / "rehearsal" / "jobs").write_text("in the way")
    with pytest.raises(RehearsalError, match=r"ended at once.*File exists|ended at once.*exists") as caught:
        address(tmp_path)
    assert caught.value.spent == "no"
    (tmp_path / "file").write_text("")
    with pytest.raises(RehearsalError, match="cannot be made"):
        address(tmp_path / "file")


def test_a_wrong_fault_on_the_command_line_is_one_line(tmp_path: Path) -> None:
    wrong = subprocess.run(
        command(tmp_path, "--fault", '{"fault": "earthquake"}'),
        env=environment(), capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("There is no fault 'earthquake'")
    assert "Traceback" not in wrong.stderr


def test_importing_costs_neither_tornado_nor_numpy() -> None:
    code = "import sys, minimax_nb.rehearsal; sys.exit(bool({'tornado', 'numpy', 'requests'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=environment(), check=False).returncode == 0


# The pieces that are quicker to ask directly


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_an_upload_is_the_same_however_it_arrives(tmp_path: Path, size: int) -> None:
    audio = bytes(range(256)) * 3
    text = json.dumps({"prompt": 'a "reference_audio_url":"data:x;base64,', "reference_audio_url": data_uri(audio)})
    upload = Upload(tmp_path)
    data = text.encode()
    for start in range(0, len(data), size):
        upload.feed(data[start : start + size])
    upload.close()
    assert upload.document()["prompt"] == 'a "reference_audio_url":"data:x;base64,'
    assert upload.audio is not None
    assert upload.audio.read_bytes() == audio
    upload.discard()
    assert not list(tmp_path.iterdir())


def test_an_upload_keeps_audio_out_of_memory(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    upload.feed(b'{"reference_audio_url": "data:audio/mpeg;base64,')
    for _ in range(20):
        upload.feed(b"A" * 1_000_000)
    upload.feed(b'"}')
    assert len(upload._text) < 100
    upload.close()
    assert upload.document() == {"reference_audio_url": "data:audio/mpeg;base64,"}
    upload.discard()


def test_an_upload_that_breaks_off_is_no_document(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    upload.feed(b'{"reference_audio_url": "data:audio/mpeg;base64,AAAA')
    upload.close()
    with pytest.raises(Refusal):
        upload.document()
    upload.discard()


def test_the_ledger_forgets_what_is_long_finished_and_gives_up_on_what_kills_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    body = good_body(reference_audio_url="http://example.org/a.mp3")
    old, poison = (
        ledger.accept(body, client_request_id=name, request_id="r", cost_usd=1, reference=None)
        for name in ("old", "poison")
    )
    ledger.fail(old.id, "name", "message")
    path = tmp_path / old.name / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "finished": time.time() - KEPT_SECONDS - 1}))
    (tmp_path / "incoming-rest").write_text("")
    (tmp_path / "never-accepted").mkdir()
    for _ in range(5):
        again = Ledger(tmp_path)
        assert again.begin(poison.id) is not None
    assert Ledger(tmp_path).begin(poison.id) is None
    last = Ledger(tmp_path)
    assert [(job.id, job.status, job.cost_usd) for job in last.newest_first()] == [(poison.id, "error", 0)]
    assert [path.name for path in tmp_path.iterdir()] == [poison.name]
