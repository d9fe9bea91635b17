"""The faults that the rehearsal service can be told to commit, as data.

A rule is a JSON object such as `{"fault": "bad_gateway", "call": "retrieve", "times": 2}`:

===========  ==================================================================================
`fault`      a name of the table below
`call`       `submit`, `retrieve`, `download`, `logs`, `billing`, `transactions`, `models`, `keys`,
             `key`, or `any` (default): every call that the fault can happen to
`times`      how often it happens; null (default): always
`rate`       the probability that it happens, 0 to 1 (default 1), drawn from `seed` (default 0)
`after`      how many such calls pass without it first (default 0)
`song`       part of a generation id or client request id: calls about that song only
`seconds`    of waiting, for `slow`, `rate_limit_seconds`, `rate_limit_date`, `logs_late` (default 1)
`url`        where `redirect` points to (default: a host that does not exist)
===========  ==================================================================================

The first rule of the list that is due applies. "Accepted" below means: the song is written down, will be
made, and is charged. Where nothing else is said, nothing is accepted.

======================  =============  ==========================================================
fault                   happens to     what is seen
======================  =============  ==========================================================
`bad_gateway`           every call     502 with a JSON body
`bad_gateway_after`     every call     accepted, then the same 502
`server_error`          every call     500 "Something wrong with the server"
`server_error_after`    every call     accepted, then the same 500, with the headers of the answer
`maintenance`           every call     503 "The model is under maintenance"
`timeout_524`           every call     524 with an HTML page
`html_body`             every call     502 with an HTML page
`html_ok`               every call     200 with an HTML page (as in a hotel's wifi)
`empty_body`            every call     accepted, then 200 with nothing in it
`cut_body`              every call     accepted; all headers and half the body, connection closed
`gzip`                  every call     accepted; the body compressed, though that was not requested
`deflate`               every call     the same with deflate
`br`                    every call     the same with brotli
`zstd`                  every call     the same with zstd
`gzip_bomb`             every call     accepted; 1 MB of gzip that unpacks to 1 GB
`bare_headers`          every call     accepted; neither inference id nor costs in the headers
`rate_limit_seconds`    every call     429, `Retry-After` in seconds
`rate_limit_date`       every call     429, `Retry-After` as an HTTP date
`rate_limit`            every call     429 without `Retry-After`
`drop_before`           every call     connection closed without an answer
`drop_after`            every call     accepted, then the connection is closed without an answer
`slow`                  every call     accepted at once, answered after `seconds`
`unauthorized`          every call     401; `statusCode` is a text
`no_credits`            every call     403 of the kind `err_insufficent_credits`
`unverified_card`       every call     403 of the kind `err_unverified_card`
`key_scope`             every call     403 of the kind `err_missing_scope` (a guess)
`key_limit`             every call     403 of the kind `err_key_limit_reached` (a guess)
`not_found`             every call     404
`redirect`              every call     302 to another host
`data_refused`          submit         400 that names reference_audio_url, for `data:` URIs only
`status_200`            submit         accepted with status 200
`status_202`            submit         accepted with status 202
`generation_id`         submit         accepted; the id is called `generation_id`
`cost_in_meta`          submit         accepted; the cost only in `meta.usage.usd_spent`
`cost_in_credits`       submit         accepted; the cost only in `meta.usage.credits_used`
`early_404`             retrieve       the first two polls of each song answer 404
`early_524`             retrieve       the first two polls of each song answer 524
`error_status`          retrieve       the song fails for good, and is charged nothing
`detail_error`          retrieve       the same; the error is `{"detail": [{"loc", "msg", ...}]}`
`text_error`            retrieve       the same; the error is a text
`list_error`            retrieve       the same; the error is a list
`null_error`            retrieve       the same; the error is null
`unknown_status`        retrieve       status "pondering", this time
`missing_fields`        retrieve       no `error`, no `audio_file` but its URL, and `meta` null
`wrong_size`            retrieve       `file_size` is not the size of the file
`bare_link`             retrieve       a link whose path has `%2F` in it and no ending
`expired_audio`         download       403 for the first URL of each song; retrieve gives a new one
`truncated_audio`       download       an honest `Content-Length`, half the bytes, connection closed
`short_audio`           download       half the file, and a `Content-Length` that agrees
`wav_audio`             download       a wav file, whatever the link's ending says
`flac_audio`            download       a flac file
`m4a_audio`             download       an m4a file (its boxes only; it cannot be decoded)
`unknown_audio`         download       audio of a kind that cannot be judged
`tagged_mp3`            download       the mp3 with an ID3 tag, a cover of 300 KB, an ID3v1 tag
`headerless_mp3`        download       the mp3 without a Xing or Info header
`variable_mp3`          download       an mp3 of variable rate without such a header
`logs_late`             logs           songs appear only `seconds` after they were accepted
`new_model`             logs, models   a music model nobody knows: in the list, and used in the logs
`gone_model`            models         `minimax-music` is not in the list
`price_variants`        models         prices that depend on the length, of the kind "variants"
`price_null`            models         a unit whose `price` and `per` are null
======================  =============  ==========================================================

While a fault changes the audio, a retrieve leaves `file_size` out.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Literal

from ...catalogue import DEFAULT_MODEL
from .encodings import ENCODINGS
from .fault_audio import AUDIO_FORMS
from .responses import JSON, Rejection, Reply, credits

CALLS = ("submit", "retrieve", "download", "logs", "billing", "transactions", "models", "keys", "key")


@dataclass(frozen=True)
class Rule:
    """One fault to commit; the module's first table says what the fields mean."""

    fault: str
    call: str = "any"
    times: int | None = None
    rate: float = 1.0
    seed: int = 0
    after: int = 0
    song: str = ""
    seconds: float = 1.0
    url: str = "http://elsewhere.invalid/"


@dataclass(frozen=True)
class Fault:
    """What a fault does.

    Attributes
    ----------
    when : {"instead", "afterwards", "within"}
        `instead` of doing what is requested, `afterwards` to the finished answer, or `within` the call itself.
    change : callable
        Takes the rule and the answer as it would be, returns the answer as it is sent.
    calls : tuple of str
        The calls it can happen to.
    """

    when: Literal["instead", "afterwards", "within"]
    change: Callable[[Rule, Reply], Reply] = lambda _rule, reply: reply
    calls: tuple[str, ...] = CALLS


Change = Callable[[Rule, Reply], Reply]


def _error(status: int, message: str, data: object = None, **more: str) -> Change:
    reply = Rejection(status, message, data).reply
    assert isinstance(reply.body, dict)
    reply = replace(reply, body={**reply.body, **more})
    return lambda _rule, _reply: reply


def _by_gateway(status: int, message: str) -> Change:
    return lambda _rule, _reply: Reply({"message": message}, status, cost_usd=None)


def _page(status: int) -> Change:
    page = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>One moment</h1></body></html>"
    return lambda _rule, _reply: Reply(page, status, "text/html; charset=utf-8", cost_usd=None)


def _changed(**changes: Any) -> Change:
    """The answer with other attributes."""
    return lambda _rule, reply: replace(reply, **changes)


def _too_many(retry_after: Callable[[Rule], str]) -> Change:
    message = "Too many requests, slow down."
    return lambda rule, _reply: Reply({"message": message}, 429, headers={"Retry-After": retry_after(rule)})


def _seconds(rule: Rule) -> str:
    return str(math.ceil(rule.seconds))


def _date(rule: Rule) -> str:
    return formatdate(math.ceil(time.time() + rule.seconds), usegmt=True)


def _empty(_rule: Rule, _reply: Reply) -> Reply:
    return Reply(b"", cost_usd=None)


def _slow(rule: Rule, reply: Reply) -> Reply:
    return replace(reply, delay=rule.seconds)


def _redirect(rule: Rule, _reply: Reply) -> Reply:
    return Reply(b"", 302, headers={"Location": rule.url}, cost_usd=None)


def _server_error_after(_rule: Rule, reply: Reply) -> Reply:
    return replace(reply, body={"message": SERVER_ERROR}, status=500, content_type=JSON)


def _fields(change: Callable[[dict[str, Any], Reply], dict[str, Any]]) -> Change:
    """The answer with other JSON fields, if it is a good one."""

    def changed(_rule: Rule, reply: Reply) -> Reply:
        if reply.status >= 300 or not isinstance(reply.body, dict):
            return reply
        return replace(reply, body=change(reply.body, reply))

    return changed


def _audio(change: Callable[[bytes], bytes]) -> Change:
    """The answer with other audio, if it has any."""

    def changed(_rule: Rule, reply: Reply) -> Reply:
        if reply.status != 200 or not isinstance(reply.body, bytes):
            return reply
        return replace(reply, body=change(reply.body))

    return changed


def _missing_fields(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    bare = {"id": body["id"], "status": body["status"], "meta": None}
    return {**bare, "audio_file": {"url": body["audio_file"]["url"]}} if body.get("audio_file") else bare


def _wrong_size(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    file = body.get("audio_file")
    return {**body, "audio_file": {**file, "file_size": 12_345_678}} if file else body


def _bare_link(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    file = body.get("audio_file")
    if not file:
        return body
    url = re.sub(r"/output\.\w+\?", "/music%2Foutput?OSSAccessKeyId=rehearsal&", file["url"])
    return {**body, "audio_file": {**file, "url": url}}


def _cost(name: str, amount: Callable[[float], float]) -> Change:
    """The answer with its cost in the body alone."""
    add = _fields(lambda body, reply: {**body, "meta": {"usage": {name: amount(reply.cost_usd or 0)}}})
    return lambda rule, reply: replace(add(rule, reply), cost_usd=None)


def _new_model(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    rows = body["data"]
    if rows and "inference_id" in rows[0]:
        return {**body, "data": [{**row, "model": NEW_MODEL} for row in rows]}
    return {**body, "data": [*rows, {"id": NEW_MODEL, "aliases": [], "type": MUSIC_TYPE}]}


def _gone_model(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    return {**body, "data": [row for row in body["data"] if row["id"] != DEFAULT_MODEL]}


def _price_variants(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    def varied(pricing: dict[str, Any]) -> dict[str, Any]:
        price = pricing["units"][0]["price"]
        variants = [
            {"when": {"seconds": seconds}, "price": factor * price, "unit": "generation", "per": 1}
            for seconds, factor in ((30, 1), (60, 2))
        ]
        return {**pricing, "kind": "variants", "units": [], "dimensions": ["seconds"], "variants": variants}

    return _with_pricing(body, varied)


def _price_null(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    def emptied(pricing: dict[str, Any]) -> dict[str, Any]:
        return {**pricing, "units": [{**unit, "price": None, "per": None} for unit in pricing["units"]]}

    return _with_pricing(body, emptied)


def _with_pricing(body: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    rows = body["data"]
    return {**body, "data": [{**row, "pricing": change(row["pricing"])} if "pricing" in row else row for row in rows]}


def _unknown_status(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    return {"id": body["id"], "status": "pondering"}


def _as_generation_id(body: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    return {"generation_id" if name == "id" else name: value for name, value in body.items()}


def _status(status: int) -> Change:
    return lambda _rule, reply: replace(reply, status=status) if reply.status == 201 else reply


def _truncated(_rule: Rule, reply: Reply) -> Reply:
    return replace(reply, sent=0.5) if reply.status == 200 else reply


MUSIC_TYPE = "internal/audio-generations/submit"
NEW_MODEL = "minimax/music-9.9"
SERVER_ERROR = "Something wrong with the server. Please, try again later."
NO_CREDITS = "You've run out of credits. Please top up your balance or update your payment method to continue."
INVALID_KEY = "This request requires a valid API key. Send it as: Authorization: Bearer <key>."
UNVERIFIED = "Complete verification to using the API https://aimlapi.com/app/verification"
KEY_LIMIT = "The usage limit of this API key has been reached."
KEY_SCOPE = "This API key has no access to this endpoint. Required scope: model:audio."

_BAD_GATEWAY = _by_gateway(502, "Bad gateway.")

ERRORS: Mapping[str, object] = {
    "error_status": {"name": "generation_failed", "message": "The model failed."},
    "detail_error": {
        "detail": [
            {
                "loc": ["body", "reference_audio_url"],
                "msg": "The audio could not be decoded.",
                "type": "value_error",
                "input": "data:audio/mpeg;base64,…",
            }
        ]
    },
    "text_error": "Downstream service error",
    "list_error": ["Downstream service error", {"msg": "The audio could not be decoded."}],
    "null_error": None,
}
"""What a song that failed for good says, by the name of the fault."""

FAULTS: Mapping[str, Fault] = {
    "bad_gateway": Fault("instead", _BAD_GATEWAY),
    "bad_gateway_after": Fault("afterwards", _BAD_GATEWAY),
    "server_error": Fault("instead", _error(500, SERVER_ERROR)),
    "server_error_after": Fault("afterwards", _server_error_after),
    "maintenance": Fault("instead", _error(503, "The model is under maintenance. Please, try again later.")),
    "timeout_524": Fault("instead", _page(524)),
    "html_body": Fault("instead", _page(502)),
    "html_ok": Fault("instead", _page(200)),
    "empty_body": Fault("afterwards", _empty),
    "cut_body": Fault("afterwards", _changed(sent=0.5)),
    **{name: Fault("afterwards", _changed(encoding=name)) for name in ENCODINGS},
    "bare_headers": Fault("afterwards", _changed(provider_headers=False)),
    "rate_limit_seconds": Fault("instead", _too_many(_seconds)),
    "rate_limit_date": Fault("instead", _too_many(_date)),
    "rate_limit": Fault("instead", _error(429, "Too many requests, slow down.")),
    "drop_before": Fault("instead", _changed(sent=None)),
    "drop_after": Fault("afterwards", _changed(sent=None)),
    "slow": Fault("afterwards", _slow),
    "unauthorized": Fault("instead", _error(401, INVALID_KEY, statusCode="401")),
    "no_credits": Fault("instead", _error(403, NO_CREDITS, {"kind": "err_insufficent_credits"})),
    "unverified_card": Fault("instead", _error(403, UNVERIFIED, {"kind": "err_unverified_card"})),
    "key_scope": Fault("instead", _error(403, KEY_SCOPE, {"kind": "err_missing_scope"})),
    "key_limit": Fault("instead", _error(403, KEY_LIMIT, {"kind": "err_key_limit_reached"})),
    "not_found": Fault("instead", _error(404, "Not found.")),
    "redirect": Fault("instead", _redirect),
    "data_refused": Fault("within", calls=("submit",)),
    "status_200": Fault("afterwards", _status(200), ("submit",)),
    "status_202": Fault("afterwards", _status(202), ("submit",)),
    "generation_id": Fault("afterwards", _fields(_as_generation_id), ("submit",)),
    "cost_in_meta": Fault("afterwards", _cost("usd_spent", float), ("submit",)),
    "cost_in_credits": Fault("afterwards", _cost("credits_used", credits), ("submit",)),
    "early_404": Fault("instead", _error(404, "Generation not found."), ("retrieve",)),
    "early_524": Fault("instead", _page(524), ("retrieve",)),
    **{name: Fault("within", calls=("retrieve",)) for name in ERRORS},
    "unknown_status": Fault("afterwards", _fields(_unknown_status), ("retrieve",)),
    "missing_fields": Fault("afterwards", _fields(_missing_fields), ("retrieve",)),
    "wrong_size": Fault("afterwards", _fields(_wrong_size), ("retrieve",)),
    "bare_link": Fault("afterwards", _fields(_bare_link), ("retrieve",)),
    "expired_audio": Fault("within", calls=("download",)),
    "truncated_audio": Fault("afterwards", _truncated, ("download",)),
    "short_audio": Fault("afterwards", _audio(lambda audio: audio[: len(audio) // 2]), ("download",)),
    **{name: Fault("afterwards", _audio(change), ("download",)) for name, change in AUDIO_FORMS.items()},
    "logs_late": Fault("within", calls=("logs",)),
    "new_model": Fault("afterwards", _fields(_new_model), ("logs", "models")),
    "price_variants": Fault("afterwards", _fields(_price_variants), ("models",)),
    "price_null": Fault("afterwards", _fields(_price_null), ("models",)),
    "gone_model": Fault("afterwards", _fields(_gone_model), ("models",)),
}
