"""The two steps and what comes of them: submit, retrieve, download."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from tornado import web

from ...catalogue import DEFAULT_MODEL, MODELS
from .fault_audio import AUDIO_FORMS
from .faults import ERRORS, KEY_LIMIT, KEY_SCOPE, NO_CREDITS, Rule
from .handler import BodyHandler, Handler
from .job_store import Job
from .keys import AUDIO_SCOPE
from .request_body import audio_format, data_uri_rejected
from .responses import Rejection, Reply, credits

EARLY_POLLS = 2
QUEUE_FULL = "{} of your songs are waiting already."
CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}


@web.stream_request_body
class Generation(BodyHandler):
    """Submit and retrieve."""

    def song(self) -> str:
        """The ids of the song that is submitted or retrieved."""
        job = self.context.store.find(self.generation_id)
        return f"{self.generation_id} {job.client_request_id if job else self.client_request_id}"

    @property
    def generation_id(self) -> str:
        """The song that is requested."""
        return self.get_query_argument("generation_id", "")

    def applies(self, rule: Rule) -> bool:
        """A service that takes no `data:` URIs still takes a link; only the first polls are early."""
        if rule.fault == "data_refused" and not self.reader.has_data_uri():
            return False
        if rule.fault.startswith("early_") and self.context.polls[self.generation_id] > EARLY_POLLS:
            return False
        return super().applies(rule)

    async def post(self) -> None:
        """Submit; a rejected one has an id too, which names no song."""
        self.inference_id = str(uuid.uuid4())
        await self.respond("submit", self._submit)

    async def get(self) -> None:
        """Retrieve."""
        self.context.polls[self.generation_id] += 1
        await self.respond("retrieve", self._retrieve)

    async def _submit(self, rule: Rule | None) -> Reply:
        job = await self.context.loop.run_in_executor(None, self._accept, rule)
        self.context.worker.add(job)
        price = self.context.price_usd
        answer: dict[str, Any] = {"id": job.id, "status": "queued"}
        if job.model != DEFAULT_MODEL:  # the one answer that is documented without it
            answer["meta"] = _usage(price)
        return Reply(answer, status=201, inference_id=job.id, cost_usd=price)

    def _accept(self, rule: Rule | None) -> Job:
        body = self.reader.read(self.request.headers.get("Content-Type", ""))
        if rule and rule.fault == "data_refused":
            raise data_uri_rejected()
        # Two songs at once must not both be paid from money that is enough for one.
        with self.context.accepting:
            self._check_money()
            self._check_queue()
            return self.context.store.accept(
                body.fields,
                client_request_id=self.client_request_id,
                request_id=self.request_id,
                cost_usd=self.context.price_usd,
                key_prefix=self.api_key.prefix if self.api_key else "",
                format=audio_format(body.fields),
                reference=body.audio,
            )

    def _check_money(self) -> None:
        price, key = self.context.price_usd, self.api_key
        if key and not key.allows(AUDIO_SCOPE):
            raise Rejection(403, KEY_SCOPE, {"kind": "err_missing_scope"})
        if price > self.context.balance_usd():
            raise Rejection(403, NO_CREDITS, {"kind": "err_insufficent_credits"})
        if key and key.threshold_usd is not None:
            spent = self.context.store.spent(key.prefix, since=key.usage_start(time.time()))
            if spent + price > key.threshold_usd + 1e-9:
                raise Rejection(403, KEY_LIMIT, {"kind": "err_key_limit_reached"})

    def _check_queue(self) -> None:
        """A room is shared: nobody's songs fill its queue."""
        most, key = self.context.room.most_waiting, self.api_key
        if most and key and self.context.store.waiting(key.prefix) >= most:
            raise Rejection(409, QUEUE_FULL.format(most), {"kind": "err_queue_full"})

    async def _retrieve(self, rule: Rule | None) -> Reply:
        job_id = self.generation_id
        if not job_id:
            raise Rejection(400, "Query validation error! generation_id: Expected a text. Received nothing.")
        if rule and rule.fault in ERRORS:
            self.context.store.fail(job_id, ERRORS[rule.fault], even_finished=True)
        job = self.context.store.find(job_id)
        if job is None:
            raise Rejection(404, f"Generation not found: {job_id[:100]}")
        return Reply(self._describe(job), inference_id=job.id)

    def _describe(self, job: Job) -> dict[str, Any]:
        if job.unfinished:
            place = self.context.worker.place(job)
            return {"id": job.id, "status": job.status, **({"queue": place} if place else {})}
        answer: dict[str, Any] = {"id": job.id, "status": job.status, "audio_file": None, "error": job.error}
        if job.status == "completed":
            answer["audio_file"] = self._audio_file(job)
            if "bitrate" in MODELS[job.model].options:
                answer |= {"extra_info": _extra_info(self.context.store.audio(job)), "trace_id": job.name}
            if job.timeline:
                answer["timeline"] = job.timeline
        return {**answer, "meta": _usage(job.cost_usd)}

    def _audio_file(self, job: Job) -> dict[str, Any]:
        query = self.context.signer.query(job.name)
        file: dict[str, Any] = {
            "url": f"{self.address}/files/{job.name}/output.{job.format}?{query}",
            "content_type": CONTENT_TYPES[job.format],
            "file_name": f"output.{job.format}",
        }
        if self.context.faults.names() & set(AUDIO_FORMS):
            return file
        return {**file, "file_size": self.context.store.audio(job).stat().st_size}


def _extra_info(audio: Path) -> dict[str, int]:
    import soundfile

    info = soundfile.info(str(audio))
    return {
        "music_duration": round(1000 * info.duration),
        "music_sample_rate": info.samplerate,
        "music_channel": info.channels,
        "bitrate": round(8 * audio.stat().st_size / info.duration),
        "music_size": audio.stat().st_size,
    }


def _usage(cost_usd: float) -> dict[str, Any]:
    return {"usage": {"credits_used": credits(cost_usd), "usd_spent": cost_usd}}


class Download(Handler):
    """The audio, as a content network serves it: to whoever holds a valid link."""

    needs_key = False

    def song(self) -> str:
        """The ids of the song that is downloaded."""
        job = self.context.store.find_named(self.path_args[0])
        return f"{job.id} {job.client_request_id}" if job else ""

    def applies(self, rule: Rule) -> bool:
        """The first link of a song expires early, no other."""
        if rule.fault == "expired_audio" and self.context.signer.was_expired(self.path_args[0]):
            return False
        return super().applies(rule)

    async def get(self, name: str) -> None:
        """Download."""
        await self.respond("download", lambda rule: self._download(name, rule))

    async def _download(self, name: str, rule: Rule | None) -> Reply:
        expires = self.get_query_argument("Expires", "")
        valid = self.context.signer.is_valid(name, expires, self.get_query_argument("Signature", ""))
        if valid and rule and rule.fault == "expired_audio":
            self.context.signer.expire(name, expires)
            valid = False
        if not valid:
            denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Expired</Message></Error>"
            return Reply(denied, 403, "application/xml")
        job = self.context.store.find_named(name)
        if job is None or job.status != "completed":
            raise Rejection(404, "No such file.")
        audio = await self.context.loop.run_in_executor(None, self.context.store.audio(job).read_bytes)
        return Reply(audio, content_type="application/octet-stream")
