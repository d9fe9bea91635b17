"""What was requested and what it cost, in play money: logs, balance and charges."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .faults import Rule
from .handler import Handler
from .job_store import Job
from .keys import PREFIX_CHARACTERS
from .responses import Rejection, Reply, credits, timestamp

MOST_LOG_DAYS = 92


class Logs(Handler):
    """The usage logs."""

    async def get(self) -> None:
        """Answer one page, newest first."""
        await self.respond("logs", self._page)

    async def _page(self, rule: Rule | None) -> Reply:
        start, end = self._span()
        limit, offset = _number(self, "limit", 50, 1, 100), _number(self, "offset", 0, 0, 10**9)
        if rule and rule.fault == "logs_late":
            end = min(end, time.time() - rule.seconds)
        accepts, prefix = self._filter(), self._key_prefix()
        jobs = [
            job
            for job in self.context.store.newest_first()
            if start <= job.created <= end and job.key_prefix == prefix
        ]
        entries = [entry for entry in map(_log_entry, jobs) if accepts(entry)]
        more = offset + limit < len(entries)
        pagination = {"limit": limit, "offset": offset, "total": len(entries), "has_more": more}
        return Reply({"data": entries[offset : offset + limit], "pagination": pagination})

    def _filter(self) -> Callable[[dict[str, Any]], bool]:
        """Which entries are wanted; `model` and `status` may be repeated."""
        models, statuses = self.get_query_arguments("model"), self.get_query_arguments("status")
        if not set(statuses) <= {"succeeded", "failed"}:
            raise _invalid_query("status", "succeeded or failed")

        def accepts(entry: dict[str, Any]) -> bool:
            names = {entry["model"], entry["model"].partition("/")[2]}
            return (not models or bool(names & set(models))) and (not statuses or entry["status"] in statuses)

        return accepts

    def _key_prefix(self) -> str:
        """Whose logs are wanted: everybody may read their own, a management key those of any key."""
        own = self.api_key.prefix if self.api_key else ""
        wanted = self.get_query_argument("key_prefix", own or self.context.key[:PREFIX_CHARACTERS])
        if self.api_key and wanted != own:
            raise Rejection(403, "This call needs a management key.", {"kind": "err_missing_scope"})
        return "" if wanted == self.context.key[:PREFIX_CHARACTERS] else wanted

    def _span(self) -> tuple[float, float]:
        """Return start and end in seconds since 1970: of a period, or as given, but not both."""
        period = self.get_query_argument("period", "")
        given = [self.get_query_argument(name, "") for name in ("start", "end")]
        if bool(period) == any(given):
            raise _invalid_query("period", "exactly one of period and start with end")
        if period:
            end = time.time()
            start = end - _period(period)
        else:
            start, end = (_seconds_of(text) for text in given)
        if not 0 <= end - start <= MOST_LOG_DAYS * 86400:
            raise _invalid_query("start", f"a time before the end, by at most {MOST_LOG_DAYS} days")
        return start, end


def _number(handler: Handler, name: str, default: int, least: int, most: int) -> int:
    text = handler.get_query_argument(name, str(default))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise _invalid_query(name, f"a number from {least} to {most}")
    return int(text)


def _invalid_query(name: str, expected: str) -> Rejection:
    row = {"code": "custom", "path": [name], "expected": expected, "message": f"Expected {expected}"}
    return Rejection(400, "Invalid query provided", [row])


def _source_and_alias(model: str) -> str:
    """The name of a model as the logs have it, such as minimax/minimax-music."""
    return model if "/" in model else f"{model.partition('-')[0]}/{model}"


def _log_entry(job: Job) -> dict[str, Any]:
    return {
        "created": timestamp(job.created),
        "status": "failed" if job.status == "error" else "succeeded",
        "origin": "api",
        "model": _source_and_alias(job.model),
        "cost": {"usd": job.cost_usd, "credits": credits(job.cost_usd)},
        "tokens": {"input": 0, "output": 0, "total": 0},
        "request_id": job.request_id,
        "inference_id": job.id,
        "client_request_id": job.client_request_id or None,
    }


def _seconds_of(text: str) -> float:
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        raise _invalid_query("start", "two ISO 8601 times, start and end") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _period(text: str) -> float:
    """Return the seconds of a period such as 24h or 7d."""
    found = re.fullmatch(r"([0-9]{1,6})([hd])", text)
    if found is None:
        raise _invalid_query("period", "hours or days, such as 24h or 7d")
    return int(found[1]) * {"h": 3600, "d": 86400}[found[2]]


class Billing(Handler):
    """The balance, in play money."""

    async def get(self) -> None:
        """Answer the balance."""
        await self.respond("billing", self._balance)

    async def _balance(self, _rule: Rule | None) -> Reply:
        return Reply({"current_balance": self.context.balance_usd(), "currency": "USD"})


class Transactions(Handler):
    """The list of charges, a page at a time."""

    async def get(self) -> None:
        """Answer one page, newest first."""
        await self.respond("transactions", self._page)

    async def _page(self, _rule: Rule | None) -> Reply:
        prefix = self.api_key.prefix if self.api_key else ""
        charged = [job for job in self.context.store.newest_first() if job.cost_usd and job.key_prefix == prefix]
        cursor, limit = self.get_query_argument("cursor", ""), _number(self, "limit", 50, 1, 100)
        names = [job.name for job in charged]
        if cursor and cursor not in names:
            raise _invalid_query("cursor", "a cursor of this list")
        start = names.index(cursor) + 1 if cursor else 0
        page = charged[start : start + limit]
        more = start + limit < len(charged)
        pagination = {"next_cursor": page[-1].name if more else None, "has_more": more}
        return Reply({"data": [_transaction(job) for job in page], "pagination": pagination})


def _transaction(job: Job) -> dict[str, Any]:
    return {
        "id": job.request_id,
        "type": "usage",
        "amount": -job.cost_usd,
        "currency": "USD",
        "reference_id": job.id,
        "created_at": timestamp(job.created),
    }
