"""The keys of a class: minted, limited, listed, changed, revoked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from minimax_nb.rehearsal.server.keys import SCOPES, KeyStore, start_of
from tests.support.service import PRICE, Running, check_error, good_body, running_service

AUDIO_KEY = {"name": "class 7b: Mia", "scopes": ["model:audio"], "limit": {"retention": "no_reset", "threshold": 0.1}}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running_service(tmp_path, price=PRICE) as running:
        yield running


def mint(service: Running, **changes: Any) -> dict[str, Any]:
    answer = service.ask("POST", "/v1/keys", json={**AUDIO_KEY, **changes})
    assert answer.status_code == 201
    return dict(answer.json()["data"])


def with_key(service: Running, key: str, method: str, path: str, **options: Any) -> requests.Response:
    return service.ask(method, path, headers={"Authorization": f"Bearer {key}"}, **options)


def submit(service: Running, key: str) -> requests.Response:
    return with_key(service, key, "POST", "/v2/generate/audio", json=good_body())


def test_a_key_is_shown_once(service: Running) -> None:
    minted = mint(service)
    assert minted["key"].startswith(minted["prefix"])
    assert len(minted["prefix"]) == 8
    assert set(minted) == {
        "name", "disabled", "prefix", "scopes", "limit", "created_at", "updated_at", "monthly_usage", "key",
    }  # fmt: skip
    (listed,) = service.ask("GET", "/v1/keys").json()["data"]
    assert listed == {name: value for name, value in minted.items() if name != "key"}
    assert listed["limit"] == AUDIO_KEY["limit"]
    assert with_key(service, minted["key"], "GET", "/v1/key").json()["data"] == listed
    assert service.ask("GET", "/v1/key").json()["data"]["scopes"] == list(SCOPES)


def test_two_keys_may_have_one_name(service: Running) -> None:
    assert mint(service)["prefix"] != mint(service)["prefix"]
    assert len(service.ask("GET", "/v1/keys").json()["data"]) == 2


def test_a_key_makes_songs_until_its_limit(service: Running) -> None:
    minted = mint(service)
    assert [submit(service, minted["key"]).status_code for _ in range(3)] == [201, 201, 403]
    answer = submit(service, minted["key"])
    check_error(answer, 403)
    assert answer.json()["error"]["data"] == {"kind": "err_key_limit_reached"}
    assert service.ask("GET", "/v1/keys").json()["data"][0]["monthly_usage"] == pytest.approx(2 * PRICE)
    assert submit(service, mint(service, name="Ben")["key"]).status_code == 201
    assert service.submit().status_code == 201
    assert service.ask("PATCH", f"/v1/keys/{minted['prefix']}", json={"limit": None}).status_code == 200
    assert submit(service, minted["key"]).status_code == 201


def test_many_songs_at_once_do_not_exceed_a_limit(service: Running) -> None:
    key = mint(service)["key"]
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(submit(service, key).status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] * 2 + [403] * 6


def test_a_song_that_fails_is_not_counted(service: Running) -> None:
    key = mint(service, limit={"retention": "month", "threshold": PRICE})["key"]
    failed = with_key(service, key, "POST", "/v2/generate/audio", json=good_body(key="Cb")).json()["id"]
    assert service.wait(failed)["status"] == "error"
    assert submit(service, key).status_code == 201


def test_a_key_without_the_scope_makes_no_songs(service: Running) -> None:
    answer = submit(service, mint(service, scopes=["model:chat"])["key"])
    check_error(answer, 403)
    assert answer.json()["error"]["data"] == {"kind": "err_missing_scope"}
    assert not service.jobs()


def test_logs_by_key(service: Running) -> None:
    mine, other = mint(service), mint(service, name="Ben")
    job_id = submit(service, mine["key"]).json()["id"]
    submit(service, other["key"])
    service.submit()

    def logged(key: str, **query: str) -> list[str]:
        answer = with_key(service, key, "GET", "/v2/logs", params={"period": "24h", **query})
        return [entry["inference_id"] for entry in answer.json()["data"]]

    assert logged(mine["key"]) == logged(mine["key"], key_prefix=mine["prefix"]) == [job_id]
    assert logged(service.address.key, key_prefix=mine["prefix"]) == [job_id]
    assert len(logged(service.address.key)) == 1
    assert job_id not in logged(service.address.key)
    query = {"period": "24h", "key_prefix": other["prefix"]}
    check_error(with_key(service, mine["key"], "GET", "/v2/logs", params=query), 403, "/v2/logs")
    charges = with_key(service, mine["key"], "GET", "/v2/billing/transactions").json()["data"]
    assert [row["reference_id"] for row in charges] == [job_id]


def test_a_key_can_be_disabled_and_revoked(service: Running) -> None:
    minted = mint(service)
    path = f"/v1/keys/{minted['prefix']}"
    assert service.ask("PATCH", path, json={"disabled": True}).json()["data"]["disabled"] is True
    check_error(submit(service, minted["key"]), 401)
    service.ask("PATCH", path, json={"disabled": False, "name": "Mia B."})
    assert with_key(service, minted["key"], "GET", "/v1/key").json()["data"]["name"] == "Mia B."
    assert service.ask("DELETE", path).status_code == 200
    check_error(submit(service, minted["key"]), 401)
    check_error(service.ask("DELETE", path), 404, path)
    assert service.ask("GET", "/v1/keys").json()["data"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/keys"), ("POST", "/v1/keys"), ("DELETE", "/v1/keys/abcdefgh"), ("PATCH", "/v1/keys/abcdefgh"),
        ("GET", "/rehearsal/faults"), ("PUT", "/rehearsal/faults"), ("POST", "/rehearsal/stop"),
    ],
)  # fmt: skip
def test_a_minted_key_manages_nothing(service: Running, method: str, path: str) -> None:
    key = mint(service)["key"]
    check_error(with_key(service, key, method, path, json=AUDIO_KEY), 403, path)
    assert len(service.ask("GET", "/v1/keys").json()["data"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "name"), ({"name": ""}, "name"), ({"name": 5}, "name"), ({"name": "a", "key": "b"}, "key"),
        ({"name": "a", "scopes": ["model:dance"]}, "scopes"), ({"name": "a", "scopes": "model:audio"}, "scopes"),
        ({"name": "a", "limit": 5}, "limit"), ({"name": "a", "limit": {"threshold": -1}}, "limit"),
        ({"name": "a", "limit": {"retention": "year", "threshold": 1}}, "limit"),
        ({"name": "a", "limit": {"retention": "day"}}, "limit"), ({"name": "a", "disabled": 1}, "disabled"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_key_is_named(service: Running, body: dict[str, Any], field: str) -> None:
    answer = service.ask("POST", "/v1/keys", json=body)
    check_error(answer, 400, "/v1/keys")
    assert answer.json()["error"]["data"][0]["path"] == [field]
    assert service.ask("GET", "/v1/keys").json()["data"] == []


def test_keys_outlive_the_service_and_are_not_on_its_disk(service: Running) -> None:
    minted = mint(service)
    submit(service, minted["key"])
    service.kill()
    service.start()
    assert submit(service, minted["key"]).status_code == 201
    files = [path for path in (service.home / "rehearsal").rglob("*") if path.is_file()]
    assert not [path for path in files if minted["key"].encode() in path.read_bytes()]


@pytest.mark.parametrize("text", ["", "[5]", '{"a": 1}', '[{"name": "a"}]'])
def test_a_broken_file_of_keys_is_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    store = KeyStore(path)
    assert store.all() == []
    key, secret = store.mint(name="Mia")
    assert KeyStore(path).holder(secret) == key
    assert store.holder(secret + "x") is None
    assert secret not in json.dumps(path.read_text())


@pytest.mark.parametrize(
    ("retention", "start"), [("day", "2026-11-26"), ("week", "2026-11-23"), ("month", "2026-11-01")]
)
def test_when_usage_starts_again(retention: str, start: str) -> None:
    thursday = datetime(2026, 11, 26, 13, 5, tzinfo=UTC).timestamp()
    assert start_of(retention, thursday) == datetime.fromisoformat(f"{start}T00:00:00+00:00").timestamp()
