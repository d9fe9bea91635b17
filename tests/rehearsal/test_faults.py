"""The faults that the rehearsal service can be told to commit."""

from __future__ import annotations

import http.client
import http.server
import re
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from minimax_nb.rehearsal.server.faults import CALLS, FAULTS, parse
from tests.support.network import Host
from tests.support.service import (
    AUDIO,
    PRICE,
    Running,
    check_error,
    good_body,
)


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
def test_a_fault_applies_to_its_call_once_and_to_no_other(service: Running, fault: str, call: str) -> None:
    job = service.make()
    service.commit({"fault": fault, "call": call, "times": 1, "seconds": 0.3})
    before, began = len(service.jobs()), time.monotonic()
    if fault.startswith("drop"):
        with pytest.raises(requests.ConnectionError):
            ask(service, call, job)
    else:
        answer = ask(service, call, job)
        assert answer.status_code == STATUSES.get(fault, 200)
        check_shape(fault, answer, time.monotonic() - began)
    assert len(service.jobs()) - before == (call == "submit" and fault in ACCEPTING)
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


def test_a_song_can_fail_for_good(service: Running) -> None:
    job = service.make()
    service.commit({"fault": "error_status", "times": 1})
    for _ in range(2):
        answer = service.retrieve(job["id"]).json()
        assert answer["status"] == "error"
        assert set(answer["error"]) == {"name", "message"}
    assert [entry["cost_usd"] for entry in service.jobs() if entry["id"] == job["id"]] == [0]


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


def test_every_fault_is_in_the_table() -> None:
    from minimax_nb.rehearsal.server import faults

    assert set(re.findall(r"^`(\w+)` +(?:every|submit|retrieve|download|logs)", faults.__doc__ or "", re.M)) == set(
        FAULTS
    )
