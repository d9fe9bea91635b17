"""The faults that the rehearsal service can be told to commit."""

from __future__ import annotations

import http.client
import io
import json
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import brotli
import pytest
import requests
import soundfile
from backports import zstd

from minimax_nb.rehearsal.server.encodings import ENCODINGS
from minimax_nb.rehearsal.server.fault_audio import frame_length
from minimax_nb.rehearsal.server.faults import CALLS, ERRORS, FAULTS, NEW_MODEL
from minimax_nb.rehearsal.server.rules import parse
from tests.support import until
from tests.support.network import Host
from tests.support.service import (
    AUDIO,
    CREDITS,
    PRICE,
    Running,
    check_error,
    good_body,
)

PATHS = {
    "logs": "/v2/logs?period=24h", "billing": "/v2/billing", "transactions": "/v2/billing/transactions",
    "models": "/v1/models", "keys": "/v1/keys", "key": "/v1/key",
}  # fmt: skip


def ask(service: Running, call: str, job: dict[str, Any]) -> requests.Response:
    if call == "submit":
        return service.submit()
    if call == "retrieve":
        return service.retrieve(job["id"])
    if call == "download":
        url = urlsplit(job["audio_file"]["url"])
        return service.ask("GET", f"{url.path}?{url.query}")
    return service.ask("GET", PATHS[call])


STATUSES = {
    "bad_gateway": 502, "bad_gateway_after": 502, "html_body": 502, "html_ok": 200, "empty_body": 200,
    "rate_limit_seconds": 429, "rate_limit_date": 429, "rate_limit": 429, "unauthorized": 401, "no_credits": 403,
    "unverified_card": 403, "key_scope": 403, "key_limit": 403, "not_found": 404, "redirect": 302,
    "server_error": 500, "server_error_after": 500, "maintenance": 503, "timeout_524": 524,
}  # fmt: skip
ACCEPTING = {name for name, fault in FAULTS.items() if fault.when == "afterwards" and "submit" in fault.calls}
COMPRESSED = {"gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
KINDS = {
    "no_credits": "err_insufficent_credits", "unverified_card": "err_unverified_card",
    "key_scope": "err_missing_scope", "key_limit": "err_key_limit_reached",
}  # fmt: skip
BROKEN = {"drop_before", "drop_after", "cut_body"}
EVERYWHERE = [name for name, fault in FAULTS.items() if fault.calls == CALLS and name != "gzip_bomb"]


@pytest.fixture(scope="module")
def job(shared: Running) -> dict[str, Any]:
    """A finished song."""
    shared.commit()
    return shared.make()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", EVERYWHERE)
def test_a_fault_applies_to_its_call_once_and_to_no_other(
    service: Running, job: dict[str, Any], fault: str, call: str
) -> None:
    service.commit({"fault": fault, "call": call, "times": 1, "seconds": 0.2})
    before, began = len(service.jobs()), time.monotonic()
    if fault in BROKEN:
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            ask(service, call, job)
    else:
        answer = ask(service, call, job)
        assert answer.status_code == STATUSES.get(fault, 201 if call == "submit" else 200)
        check_shape(fault, answer, time.monotonic() - began)
    assert len(service.jobs()) - before == (call == "submit" and fault in ACCEPTING)
    assert service.fired() == [1]
    assert ask(service, call, job).status_code == (201 if call == "submit" else 200)
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
        assert -1 <= (when - datetime.now(UTC)).total_seconds() <= 2
    elif fault == "slow":
        assert seconds >= 0.2
    elif fault == "redirect":
        assert answer.headers["Location"] == "http://elsewhere.invalid/"
    elif fault in KINDS:
        assert answer.json()["error"]["data"] == {"kind": KINDS[fault]}
    elif fault == "unauthorized":
        assert answer.json()["statusCode"] == "401"
    elif fault == "timeout_524":
        assert answer.headers["Content-Type"].startswith("text/html")
    elif fault in COMPRESSED:
        assert answer.headers["Content-Encoding"] == COMPRESSED[fault]
        assert answer.content[:4] != b""
    elif fault == "bare_headers":
        assert not any(name.lower().startswith("x-") for name in answer.headers)
    else:
        assert answer.json()["statusCode"] == answer.status_code


@pytest.mark.parametrize("fault", sorted(ACCEPTING))
def test_an_accepted_song_can_be_found_though_its_answer_was_lost(service: Running, fault: str) -> None:
    service.commit({"fault": fault, "call": "submit", "seconds": 0.1})
    headers = {"X-Client-Request-Id": f"lost-{fault}"}
    try:
        # Not read: one of these answers is a bomb.
        service.ask("POST", AUDIO, json=good_body(), headers=headers, stream=True)
    except requests.ConnectionError:
        assert fault in BROKEN
    entry = service.ask("GET", "/v2/logs", params={"period": "24h", "limit": 1}).json()["data"][0]
    assert entry["client_request_id"] == f"lost-{fault}"
    assert entry["cost"]["usd"] == PRICE
    assert service.wait(entry["inference_id"])["status"] == "completed"


def test_a_client_that_does_not_wait_is_charged_all_the_same(service: Running) -> None:
    service.commit({"fault": "slow", "call": "submit", "seconds": 0.5})
    before = len(service.jobs())
    with pytest.raises(requests.Timeout):
        requests.post(
            service.address.base_url + AUDIO, json=good_body(), timeout=0.2,
            headers={"Authorization": f"Bearer {service.address.key}"},
        )  # fmt: skip
    assert len(service.jobs()) == before + 1


def test_data_can_be_refused_and_a_link_taken(service: Running, site: Host) -> None:
    service.commit({"fault": "data_refused"})
    before = len(service.jobs())
    answer = service.submit()
    assert check_error(answer, 400) == "Invalid payload provided"
    (row,) = answer.json()["error"]["data"]
    assert (row["path"], row["expected"], row["received"]) == (["reference_audio_url"], "url", "data: URI")
    assert len(service.jobs()) == before
    assert service.make(reference_audio_url=f"{site.url}/song.wav")["status"] == "completed"
    assert service.fired() == [1]


@pytest.mark.parametrize("fault", ERRORS)
def test_a_song_can_fail_for_good(service: Running, fault: str) -> None:
    job = service.make()
    service.commit({"fault": fault, "times": 1})
    for _ in range(2):
        answer = service.retrieve(job["id"]).json()
        assert answer["status"] == "error"
        assert answer["error"] == ERRORS[fault]
    assert [entry["cost_usd"] for entry in service.jobs() if entry["id"] == job["id"]] == [0]


@pytest.mark.parametrize(("fault", "status"), [("early_404", 404), ("early_524", 524)])
def test_the_first_two_polls_of_each_song_can_fail(service: Running, fault: str, status: int) -> None:
    service.commit({"fault": fault})
    for _ in range(2):
        job_id = service.submit().json()["id"]
        assert [service.retrieve(job_id).status_code for _ in range(3)] == [status, status, 200]


def test_a_submit_may_answer_with_other_statuses_and_names(service: Running) -> None:
    names = ("status_200", "status_202", "generation_id")
    service.commit(*({"fault": name, "times": 1} for name in names))
    answers = [service.submit() for _ in names]
    assert [answer.status_code for answer in answers] == [200, 202, 201]
    assert set(answers[2].json()) == {"generation_id", "status"}
    assert answers[2].json()["generation_id"] == answers[2].headers["x-inference-id"]


def test_the_cost_may_stand_in_the_body_alone(service: Running) -> None:
    service.commit({"fault": "cost_in_meta", "times": 1}, {"fault": "cost_in_credits", "times": 1})
    in_dollars, in_credits = service.submit(), service.submit()
    assert in_dollars.json()["meta"] == {"usage": {"usd_spent": PRICE}}
    assert in_credits.json()["meta"] == {"usage": {"credits_used": CREDITS}}
    assert not any(name.startswith("x-aimlapi") for answer in (in_dollars, in_credits) for name in answer.headers)


def test_the_headers_name_the_song_though_the_body_is_cut(service: Running) -> None:
    service.commit({"fault": "cut_body", "call": "submit", "times": 1})
    url = urlsplit(service.address.base_url)
    connection = http.client.HTTPConnection("127.0.0.1", url.port or 80, timeout=10)
    headers = {"Authorization": f"Bearer {service.address.key}", "Content-Type": "application/json"}
    connection.request("POST", AUDIO, body=json.dumps(good_body()), headers=headers)
    answer = connection.getresponse()
    assert answer.status == 201
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()
    assert service.jobs()[-1]["id"] == answer.headers["x-inference-id"]


@pytest.mark.parametrize(("fault", "unpack"), [("br", brotli.decompress), ("zstd", zstd.decompress)])
@pytest.mark.parametrize("size", [0, 1, 65_536, 200_001])
def test_brotli_and_zstd_are_read_by_their_own_libraries(
    fault: str, unpack: Callable[[bytes], bytes], size: int
) -> None:
    body = random.Random(size).randbytes(size)
    assert unpack(ENCODINGS[fault][1](body)) == body


def test_a_bomb_is_small_on_its_way_and_large_unpacked(service: Running) -> None:
    service.commit({"fault": "gzip_bomb", "call": "billing", "times": 1})
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {service.address.key}"}
        answer = session.get(f"{service.address.base_url}/v2/billing", headers=headers, stream=True, timeout=10)
        assert int(answer.headers["Content-Length"]) < 2_000_000
        seen = 0
        for block in answer.iter_content(1 << 20):
            seen += len(block)
            if seen > 100_000_000:
                break
        answer.close()
    assert seen > 100_000_000


def audio_with(service: Running, fault: str, job: dict[str, Any]) -> bytes:
    service.commit({"fault": fault})
    file = service.retrieve(job["id"]).json()["audio_file"]
    assert "file_size" not in file
    return requests.get(file["url"], timeout=10).content


@pytest.mark.parametrize(("fault", "kind"), [("wav_audio", "WAV"), ("flac_audio", "FLAC")])
def test_a_song_can_come_in_another_format(service: Running, fault: str, kind: str) -> None:
    info = soundfile.info(io.BytesIO(audio_with(service, fault, service.make())))
    assert (info.format, info.duration) == (kind, pytest.approx(2, abs=0.2))


def test_a_song_can_come_in_a_format_that_cannot_be_judged(service: Running) -> None:
    job = service.make()
    assert audio_with(service, "m4a_audio", job)[4:12] == b"ftypM4A "
    assert audio_with(service, "unknown_audio", job).startswith(b"#!SILK_V3")


def frame_starts(audio: bytes) -> list[int]:
    starts = [0]
    while starts[-1] + 4 <= len(audio):
        starts.append(starts[-1] + frame_length(audio[starts[-1] : starts[-1] + 4]))
    assert starts[-1] == len(audio)
    return starts[:-1]


def test_an_mp3_can_come_with_tags_or_without_a_header(service: Running) -> None:
    job = service.make()
    plain = requests.get(job["audio_file"]["url"], timeout=10).content
    tagged = audio_with(service, "tagged_mp3", job)
    assert tagged.startswith(b"ID3")
    assert tagged[-128:-125] == b"TAG"
    assert plain in tagged
    for fault in ("headerless_mp3", "variable_mp3"):
        audio = audio_with(service, fault, job)
        assert audio[:2] == b"\xff\xfb"
        assert b"Xing" not in audio
        assert b"Info" not in audio
        # Frame by frame: without a header, libsndfile guesses a wrong length.
        assert len(frame_starts(audio)) * 1152 / 44_100 == pytest.approx(2, abs=0.2)
    assert audio_with(service, "headerless_mp3", job) in plain


def test_a_link_and_a_size_can_be_odd(service: Running) -> None:
    job = service.make()
    service.commit({"fault": "bare_link", "times": 1}, {"fault": "wrong_size", "times": 1})
    bare, wrong = (service.retrieve(job["id"]).json()["audio_file"] for _ in range(2))
    assert "/music%2Foutput?" in bare["url"]
    audio = requests.get(bare["url"], timeout=10)
    assert (audio.status_code, len(audio.content)) == (200, job["audio_file"]["file_size"])
    assert wrong["file_size"] != len(audio.content)


def test_a_rule_can_concern_one_song_alone(service: Running) -> None:
    first, second = (service.submit(client_request_id=name).json()["id"] for name in ("stuck", "free"))
    for name in (first, "stuck"):
        service.commit({"fault": "bad_gateway", "call": "retrieve", "song": name})
        assert [service.retrieve(each).status_code for each in (first, second)] == [502, 200]
    service.commit({"fault": "bad_gateway", "call": "submit", "song": "stuck"})
    answers = [service.submit(client_request_id=name).status_code for name in ("stuck-again", "free")]
    assert answers == [502, 201]


def test_the_list_of_models_changes(service: Running) -> None:
    service.make()

    def listed() -> set[str]:
        return {row["id"] for row in service.ask("GET", "/v1/models").json()["data"]}

    usual = listed()
    service.commit({"fault": "new_model", "times": 1}, {"fault": "gone_model"})
    assert listed() - usual == {NEW_MODEL}
    assert usual - listed() == {"minimax-music"}
    service.commit({"fault": "new_model", "call": "logs"})
    logs = service.ask("GET", "/v2/logs?period=24h").json()["data"]
    assert {entry["model"] for entry in logs} == {NEW_MODEL}


def test_unknown_statuses_and_missing_fields(service: Running) -> None:
    job = service.make()
    service.commit({"fault": "unknown_status", "times": 1}, {"fault": "missing_fields", "times": 1})
    assert service.retrieve(job["id"]).json() == {"id": job["id"], "status": "pondering"}
    bare = service.retrieve(job["id"]).json()
    assert set(bare) == {"id", "status", "meta", "audio_file"}
    assert bare["meta"] is None
    assert set(bare["audio_file"]) == {"url"}
    assert requests.get(bare["audio_file"]["url"], timeout=10).status_code == 200
    assert service.retrieve(job["id"]).json()["audio_file"]["file_size"]


def test_a_link_expires_and_retrieve_gives_a_new_one(service: Running) -> None:
    job = service.make()
    service.commit({"fault": "expired_audio"})
    old = job["audio_file"]["url"]
    assert [requests.get(old, timeout=10).status_code for _ in range(2)] == [403, 403]
    fresh = service.retrieve(job["id"]).json()["audio_file"]["url"]
    assert fresh != old
    assert requests.get(fresh, timeout=10).status_code == 200
    assert service.fired() == [1]


def test_audio_that_is_cut_or_short(service: Running) -> None:
    job = service.make()
    size = job["audio_file"]["file_size"]
    service.commit({"fault": "truncated_audio", "times": 1}, {"fault": "short_audio", "times": 1})
    url = urlsplit(job["audio_file"]["url"])
    connection = http.client.HTTPConnection("127.0.0.1", url.port or 80, timeout=10)
    connection.request("GET", f"{url.path}?{url.query}")
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
        page = service.ask("GET", "/v2/logs", params={"period": "24h", "limit": 1}).json()["data"]
        return bool(page) and page[0]["inference_id"] == job_id

    assert not logged()
    until(logged)


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


def test_every_fault_is_in_the_table() -> None:
    from minimax_nb.rehearsal.server import faults

    assert set(
        re.findall(r"^`(\w+)` +(?:every|submit|retrieve|download|logs|models)", faults.__doc__ or "", re.M)
    ) == set(FAULTS)
