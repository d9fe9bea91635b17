"""The provider's calls: submit, retrieve, download, logs, billing, models. They know no music."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from typing import Any

from tornado import web

from .context import Call, Desk
from .faults import NO_CREDITS, Rule
from .job_store import Job
from .request_body import MODELS, Upload, check
from .responses import Refusal, Reply, credits, stamp

MOST_LOG_DAYS = 92


@web.stream_request_body
class Audio(Call):
    """Submit and retrieve."""

    def initialize(self, desk: Desk) -> None:
        """Take what all calls share, and be ready for a body."""
        super().initialize(desk)
        self.upload = Upload(desk.ledger.folder)
        self.all_here = False

    def prepare(self) -> None:
        """Let a body of any size come: one that is too large is read to its end, so that the no is heard."""
        super().prepare()
        connection: Any = self.request.connection
        connection.set_max_body_size(1 << 40)

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body; nothing is kept for strangers."""
        if self.refusal:
            return
        try:
            self.upload.feed(chunk)
        except OSError:
            self.refusal = Refusal(500, "The rehearsal service cannot write the reference; nothing was charged.")

    def on_connection_close(self) -> None:
        """Forget half a body; a whole one is worked on, whether or not anybody waits for the answer."""
        if not self.all_here:
            self.upload.discard()

    def applies(self, fault: str) -> bool:
        """A service that refuses `data:` still takes a link."""
        return fault != "data_refused" or self.upload.audio is not None

    async def post(self) -> None:
        """Submit."""
        self.all_here = True
        try:
            await self.respond("submit", self._submit)
        finally:
            self.upload.discard()

    async def get(self) -> None:
        """Retrieve."""
        self.all_here = True
        try:
            await self.respond("retrieve", self._retrieve)
        finally:
            self.upload.discard()

    async def _submit(self, rule: Rule | None) -> Reply:
        job = await self.desk.loop.run_in_executor(None, self._accept, rule)
        self.desk.workshop.add(job)
        answer = {"id": job.id, "status": "queued"}
        return Reply(answer, inference_id=job.id, cost_usd=self.desk.price_usd)

    def _accept(self, rule: Rule | None) -> Job:
        if not re.match(r"application/json\s*(;|$)", self.request.headers.get("Content-Type", "")):
            raise Refusal(400, "Body validation error! Expected Content-Type: application/json.")
        self.upload.close()
        body = self.upload.document()
        check(body)
        if rule and rule.fault == "data_refused":
            raise Refusal(
                400, "Body validation error! reference_audio_url: Expected an http(s) URL. Received a data: URI."
            )
        if self.desk.price_usd > self.desk.balance_usd():
            raise Refusal(403, NO_CREDITS)
        return self.desk.ledger.accept(
            body,
            client_request_id=self.client_request_id,
            request_id=self.request_id,
            cost_usd=self.desk.price_usd,
            reference=self.upload.audio if body["reference_audio_url"].lower().startswith("data:") else None,
        )

    async def _retrieve(self, rule: Rule | None) -> Reply:
        job_id = self.get_query_argument("generation_id", "")
        if not job_id:
            raise Refusal(400, "Query validation error! generation_id: Expected a text. Received nothing.")
        if rule and rule.fault == "error_status":
            self.desk.ledger.fail(job_id, "generation_failed", "The model failed.", even_finished=True)
        job = self.desk.ledger.find(job_id)
        if job is None:
            raise Refusal(404, f"Generation not found: {job_id[:100]}")
        return Reply(self._describe(job), inference_id=job.id)

    def _describe(self, job: Job) -> dict[str, Any]:
        if job.unfinished:
            return {"id": job.id, "status": job.status}
        answer: dict[str, Any] = {"id": job.id, "status": job.status, "audio_file": None, "error": job.error}
        if job.status == "completed":
            answer["audio_file"] = {
                "url": f"http://{self.request.host}{self.desk.signer.path(job.name)}",
                "content_type": "audio/mpeg",
                "file_name": "output.mp3",
                "file_size": self.desk.ledger.audio(job).stat().st_size,
            }
            if job.timeline:
                answer["timeline"] = job.timeline
        return {**answer, "meta": {"usage": {"credits_used": credits(job.cost_usd)}}}


class Download(Call):
    """The audio, as a content network would give it: to whoever holds a valid address."""

    needs_key = False

    def applies(self, fault: str) -> bool:
        """The first address of a song expires early, no other."""
        return fault != "expired_audio" or not self.desk.signer.has_ended(self.path_args[0])

    async def get(self, name: str) -> None:
        """Download."""
        await self.respond("download", lambda rule: self._download(name, rule))

    async def _download(self, name: str, rule: Rule | None) -> Reply:
        expires = self.get_query_argument("Expires", "")
        genuine = self.desk.signer.holds(name, expires, self.get_query_argument("Signature", ""))
        if genuine and rule and rule.fault == "expired_audio":
            self.desk.signer.end(name, expires)
            genuine = False
        if not genuine:
            denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Expired</Message></Error>"
            return Reply(denied, 403, "application/xml")
        job = self.desk.ledger.find_named(name)
        if job is None or job.status != "completed":
            raise Refusal(404, "No such file.")
        audio = await self.desk.loop.run_in_executor(None, self.desk.ledger.audio(job).read_bytes)
        return Reply(audio, content_type="application/octet-stream")


class Logs(Call):
    """The usage logs."""

    async def get(self) -> None:
        """Answer one page, newest first."""
        await self.respond("logs", self._page)

    async def _page(self, rule: Rule | None) -> Reply:
        start, end = self._period()
        model, status = self.get_query_argument("model", ""), self.get_query_argument("status", "")
        if status not in ("", "succeeded", "failed"):
            raise Refusal(400, "Query validation error! status: Expected succeeded or failed.")
        limit, offset = self._number("limit", 20, 1, 100), self._number("offset", 0, 0, 10**9)
        if rule and rule.fault == "logs_late":
            end = min(end, time.time() - rule.seconds)
        entries = [
            entry
            for job in self.desk.ledger.newest_first()
            if start <= job.created <= end and model in ("", job.model)
            for entry in [_log_entry(job)]
            if status in ("", entry["status"])
        ]
        page, total = entries[offset : offset + limit], len(entries)
        more = offset + limit < total
        pagination = {"limit": limit, "offset": offset, "total": total, "has_more": more}
        return Reply({"data": page, "pagination": pagination})

    def _period(self) -> tuple[float, float]:
        """Return start and end in seconds since 1970."""
        given = [self.get_query_argument(name, "") for name in ("start", "end")]
        if any(given):
            start, end = (_moment(text) for text in given)
        else:
            end = time.time()
            start = end - _span(self.get_query_argument("period", "24h"))
        if not 0 <= end - start <= MOST_LOG_DAYS * 86400:
            raise Refusal(400, f"Query validation error! Expected start before end, at most {MOST_LOG_DAYS} days.")
        return start, end

    def _number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.get_query_argument(name, str(default))
        if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise Refusal(400, f"Query validation error! {name}: Expected a number from {least} to {most}.")
        return int(text)


def _log_entry(job: Job) -> dict[str, Any]:
    return {
        "created": stamp(job.created),
        "status": "failed" if job.status == "error" else "succeeded",
        "origin": "api",
        "model": job.model,
        "cost": {"usd": job.cost_usd, "credits": credits(job.cost_usd)},
        "tokens": None,
        "request_id": job.request_id,
        "inference_id": job.id,
        "client_request_id": job.client_request_id or None,
    }


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        raise Refusal(400, "Query validation error! start, end: Expected two ISO 8601 times.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _span(text: str) -> float:
    """Return the seconds of a period such as 24h or 7d."""
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if found is None:
        raise Refusal(400, "Query validation error! period: Expected a period such as 24h or 7d.")
    return int(found[1]) * {"m": 60, "h": 3600, "d": 86400}[found[2]]


class Billing(Call):
    """The balance, in play money."""

    async def get(self) -> None:
        """Answer the balance."""
        await self.respond("billing", self._balance)

    async def _balance(self, _rule: Rule | None) -> Reply:
        return Reply({"current_balance": self.desk.balance_usd(), "currency": "USD"})


class Models(Call):
    """The models and their price."""

    needs_key = False

    async def get(self) -> None:
        """Answer the models that were asked for."""
        await self.respond("models", self._list)

    async def _list(self, _rule: Rule | None) -> Reply:
        wanted = self.get_query_argument("id", "")
        priced = "pricing" in self.get_query_argument("include", "").split(",")
        data = [self._row(name, priced) for name in MODELS if wanted in ("", name)]
        return Reply({"object": "list", "data": data})

    def _row(self, name: str, priced: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"id": name, "aliases": [], "type": "audio"}
        if priced:
            unit = {"name": "generation", "measure": "generation", "price": self.desk.price_usd, "per": 1}
            row["pricing"] = {
                "kind": "fixed",
                "currency": "USD",
                "units": [unit],
                "dimensions": [],
                "variants": [],
            }
        return row

    def compute_etag(self) -> str | None:
        """Return the ETag of the answer, which tornado turns into a 304 where it is known already."""
        return super(Call, self).compute_etag()
