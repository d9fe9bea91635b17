"""Logs, balance and price of the rehearsal service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.support.service import (
    CREDITS,
    PRICE,
    Running,
    check_error,
    running_service,
)


def test_logs_find_a_song_by_its_client_request_id(service: Running) -> None:
    job_id = service.submit(client_request_id="to-be-found").json()["id"]
    page = service.ask("GET", "/v2/logs", params={"period": "24h", "model": "minimax-music", "limit": 5}).json()
    newest = page["data"][0]
    assert newest["client_request_id"] == "to-be-found"
    assert newest["inference_id"] == job_id
    assert newest["status"] == "succeeded"
    assert newest["model"] == "minimax/minimax-music"
    assert newest["tokens"] == {"input": 0, "output": 0, "total": 0}
    assert newest["cost"] == {"usd": PRICE, "credits": CREDITS}
    assert set(newest) == {
        "created", "status", "origin", "model", "cost", "tokens", "request_id", "inference_id", "client_request_id",
    }  # fmt: skip


def test_logs_are_paged_newest_first(service: Running) -> None:
    for number in range(3):
        service.submit(client_request_id=f"page-{number}")
    pages = [
        service.ask("GET", "/v2/logs", params={"period": "24h", "limit": 2, "offset": offset}).json()
        for offset in (0, 2)
    ]
    found = [entry["client_request_id"] for page in pages for entry in page["data"]]
    assert found[:3] == ["page-2", "page-1", "page-0"]
    total = len(service.jobs())
    assert pages[0]["pagination"] == {"limit": 2, "offset": 0, "total": total, "has_more": total > 2}
    last = service.ask("GET", "/v2/logs", params={"period": "24h", "offset": total}).json()
    assert (last["data"], last["pagination"]["has_more"]) == ([], False)


def test_a_page_of_logs_has_50_entries_where_nothing_is_asked(service: Running) -> None:
    page = service.ask("GET", "/v2/logs", params={"period": "7d"}).json()
    assert page["pagination"]["limit"] == 50


def test_logs_are_filtered_by_models_and_statuses_that_are_repeated(service: Running) -> None:
    cover = {"model": "minimax/music-cover", "prompt": "a calm folk song"}
    names = [service.make()["id"], service.make(**cover)["id"], service.make(key="Cb")["id"]]

    def found(**query: Any) -> list[bool]:
        page = service.ask("GET", "/v2/logs", params={"period": "24h", "limit": 3, **query}).json()["data"]
        ids = [entry["inference_id"] for entry in page]
        return [name in ids for name in names]

    assert found() == [True, True, True]
    assert found(model="minimax/music-cover") == [False, True, False]
    assert found(model=["minimax/music-cover", "minimax-music"]) == [True, True, True]
    assert found(model="minimax/minimax-music", status="failed") == [False, False, True]
    assert found(status=["succeeded", "failed"]) == [True, True, True]


def test_every_charge_is_a_transaction(service: Running) -> None:
    ids = [service.submit().json()["id"] for _ in range(3)]
    pages = [service.ask("GET", "/v2/billing/transactions", params={"limit": 2}).json()]
    cursor = pages[0]["pagination"]["next_cursor"]
    pages.append(service.ask("GET", "/v2/billing/transactions", params={"limit": 2, "cursor": cursor}).json())
    found = [row for page in pages for row in page["data"]]
    assert [row["reference_id"] for row in found][:3] == ids[::-1]
    assert {row["amount"] for row in found} == {-PRICE}
    check_error(service.ask("GET", "/v2/billing/transactions?cursor=x"), 400, "/v2/billing/transactions")


def test_logs_by_start_and_end(service: Running) -> None:
    service.submit()
    now = datetime.now(UTC)
    spans = {"before": (now - timedelta(days=92), now - timedelta(days=1)), "now": (now - timedelta(hours=1), now)}
    totals = {
        name: service.ask("GET", "/v2/logs", params={"start": start.isoformat(), "end": end.isoformat()}).json()
        for name, (start, end) in spans.items()
    }
    assert totals["before"]["pagination"]["total"] == 0
    assert totals["now"]["pagination"]["total"] == len(service.jobs())


@pytest.mark.parametrize(
    "query",
    [
        "", "limit=50", "period=24h&start=2026-01-01&end=2026-01-02", "period=24h&start=2026-01-01",
        "period=24h&limit=0", "period=24h&limit=101", "period=24h&limit=x", "period=24h&offset=-1",
        "period=93d", "period=90m", "period=soon", "period=24h&status=maybe", "period=24h&status=succeeded,failed",
        "start=2026-01-01", "start=2026-01-01&end=2026-06-01", "start=2026-02-01&end=2026-01-01", "start=a&end=b",
    ],
)  # fmt: skip
def test_logs_reject_what_they_cannot_answer(service: Running, query: str) -> None:
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


def test_no_credits_left(tmp_path: Path) -> None:
    with running_service(tmp_path, price=60) as service:
        assert service.submit().status_code == 201
        assert "run out of credits" in check_error(service.submit(), 403)
        assert len(service.jobs()) == 1
