"""What was asked for and what it cost, in play money: logs and balance."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from typing import Any

from .faults import Rule
from .handler import Handler
from .job_store import Job
from .responses import Rejection, Reply, credits, timestamp

MOST_LOG_DAYS = 92


class Logs(Handler):
    """The usage logs."""

    async def get(self) -> None:
        """Answer one page, newest first."""
        await self.respond("logs", self._page)

    async def _page(self, rule: Rule | None) -> Reply:
        start, end = self._span()
        model, status = self.get_query_argument("model", ""), self.get_query_argument("status", "")
        if status not in ("", "succeeded", "failed"):
            raise Rejection(400, "Query validation error! status: Expected succeeded or failed.")
        limit, offset = self._number("limit", 20, 1, 100), self._number("offset", 0, 0, 10**9)
        if rule and rule.fault == "logs_late":
            end = min(end, time.time() - rule.seconds)
        entries = [
            entry
            for job in self.context.store.newest_first()
            if start <= job.created <= end and model in ("", job.model)
            for entry in [_log_entry(job)]
            if status in ("", entry["status"])
        ]
        page, total = entries[offset : offset + limit], len(entries)
        more = offset + limit < total
        pagination = {"limit": limit, "offset": offset, "total": total, "has_more": more}
        return Reply({"data": page, "pagination": pagination})

    def _span(self) -> tuple[float, float]:
        """Return start and end in seconds since 1970."""
        given = [self.get_query_argument(name, "") for name in ("start", "end")]
        if any(given):
            start, end = (_seconds_of(text) for text in given)
        else:
            end = time.time()
            start = end - _period(self.get_query_argument("period", "24h"))
        if not 0 <= end - start <= MOST_LOG_DAYS * 86400:
            raise Rejection(400, f"Query validation error! Expected start before end, at most {MOST_LOG_DAYS} days.")
        return start, end

    def _number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.get_query_argument(name, str(default))
        if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise Rejection(400, f"Query validation error! {name}: Expected a number from {least} to {most}.")
        return int(text)


def _log_entry(job: Job) -> dict[str, Any]:
    return {
        "created": timestamp(job.created),
        "status": "failed" if job.status == "error" else "succeeded",
        "origin": "api",
        "model": job.model,
        "cost": {"usd": job.cost_usd, "credits": credits(job.cost_usd)},
        "tokens": None,
        "request_id": job.request_id,
        "inference_id": job.id,
        "client_request_id": job.client_request_id or None,
    }


def _seconds_of(text: str) -> float:
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        raise Rejection(400, "Query validation error! start, end: Expected two ISO 8601 times.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _period(text: str) -> float:
    """Return the seconds of a period such as 24h or 7d."""
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if found is None:
        raise Rejection(400, "Query validation error! period: Expected a period such as 24h or 7d.")
    return int(found[1]) * {"m": 60, "h": 3600, "d": 86400}[found[2]]


class Billing(Handler):
    """The balance, in play money."""

    async def get(self) -> None:
        """Answer the balance."""
        await self.respond("billing", self._balance)

    async def _balance(self, _rule: Rule | None) -> Reply:
        return Reply({"current_balance": self.context.balance_usd(), "currency": "USD"})
