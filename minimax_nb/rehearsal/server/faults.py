"""The faults that the rehearsal service can be told to commit, as data.

A rule is a JSON object such as `{"fault": "bad_gateway", "call": "retrieve", "times": 2}`:

===========  ==================================================================================
`fault`      a name of the table below
`call`       `submit`, `retrieve`, `download`, `logs`, `billing`, `models`, or `any` (default):
             every call that the fault can happen to
`times`      how often it happens; null (default): always
`rate`       the probability that it happens, 0 to 1 (default 1), drawn from `seed` (default 0)
`after`      how many such calls pass without it first (default 0)
`seconds`    of waiting, for `slow`, `rate_limit_seconds`, `rate_limit_date`, `logs_late` (default 1)
`url`        where `redirect` points to (default: a host that does not exist)
===========  ==================================================================================

The first rule of the list that is due applies. "Accepted" below means: the song is written down, will be
made, and is charged.

======================  =============  ==========================================================
fault                   happens to     what is seen
======================  =============  ==========================================================
`bad_gateway`           every call     502 with a JSON body; nothing is accepted
`bad_gateway_after`     every call     accepted, then the same 502
`html_body`             every call     502 with an HTML page; nothing is accepted
`html_ok`               every call     200 with an HTML page (as in a hotel's wifi); nothing is accepted
`empty_body`            every call     accepted, then 200 with nothing in it
`rate_limit_seconds`    every call     429, `Retry-After` in seconds; nothing is accepted
`rate_limit_date`       every call     429, `Retry-After` as an HTTP date; nothing is accepted
`drop_before`           every call     connection closed without an answer; nothing is accepted
`drop_after`            every call     accepted, then the connection is closed without an answer
`slow`                  every call     accepted at once, answered after `seconds`
`unauthorized`          every call     401; nothing is accepted
`no_credits`            every call     403; nothing is accepted
`not_found`             every call     404; nothing is accepted
`redirect`              every call     302 to another host; nothing is accepted
`data_refused`          submit         400 that names reference_audio_url, for `data:` URIs only
`error_status`          retrieve       the song fails for good, and is charged nothing
`unknown_status`        retrieve       status "pondering", this time
`missing_fields`        retrieve       no `error`, no `audio_file` but its URL, and `meta` null
`expired_audio`         download       403 for the first URL of each song; retrieve gives a new one
`truncated_audio`       download       an honest `Content-Length`, half the bytes, connection closed
`short_audio`           download       half the file, and a `Content-Length` that agrees
`logs_late`             logs           songs appear only `seconds` after they were accepted
======================  =============  ==========================================================
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Literal

from .responses import Reply

CALLS = ("submit", "retrieve", "download", "logs", "billing", "models")


@dataclass(frozen=True)
class Rule:
    """One fault to commit; the module's first table says what the fields mean."""

    fault: str
    call: str = "any"
    times: int | None = None
    rate: float = 1.0
    seed: int = 0
    after: int = 0
    seconds: float = 1.0
    url: str = "http://elsewhere.invalid/"


@dataclass(frozen=True)
class Fault:
    """What a fault does.

    Attributes
    ----------
    when : {"instead", "afterwards", "within"}
        `instead` of doing what is asked, `afterwards` to the finished answer, or `within` the call itself.
    change : callable
        Takes the rule and the answer as it would be, returns the answer as it is sent.
    calls : tuple of str
        The calls it can happen to.
    """

    when: Literal["instead", "afterwards", "within"]
    change: Callable[[Rule, Reply], Reply] = lambda _rule, reply: reply
    calls: tuple[str, ...] = CALLS


def _error(status: int, message: str, *, by_gateway: bool = False) -> Callable[[Rule, Reply], Reply]:
    reply = Reply({"message": message}, status, cost_usd=None if by_gateway else 0.0)
    return lambda _rule, _reply: reply


def _page(status: int) -> Callable[[Rule, Reply], Reply]:
    page = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>One moment</h1></body></html>"
    return lambda _rule, _reply: Reply(page, status, "text/html; charset=utf-8", cost_usd=None)


def _too_many(retry_after: str) -> Reply:
    return Reply({"message": "Too many requests, slow down."}, 429, headers={"Retry-After": retry_after})


def _wait_seconds(rule: Rule, _reply: Reply) -> Reply:
    return _too_many(str(math.ceil(rule.seconds)))


def _wait_until(rule: Rule, _reply: Reply) -> Reply:
    return _too_many(formatdate(math.ceil(time.time() + rule.seconds), usegmt=True))


def _empty(_rule: Rule, _reply: Reply) -> Reply:
    return Reply(b"", cost_usd=None)


def _drop(_rule: Rule, reply: Reply) -> Reply:
    return replace(reply, cut_after=-1)


def _slow(rule: Rule, reply: Reply) -> Reply:
    return replace(reply, delay=rule.seconds)


def _redirect(rule: Rule, _reply: Reply) -> Reply:
    return Reply(b"", 302, headers={"Location": rule.url}, cost_usd=None)


def _unknown_status(_rule: Rule, reply: Reply) -> Reply:
    if reply.status != 200 or not isinstance(reply.body, dict):
        return reply
    return replace(reply, body={"id": reply.body["id"], "status": "pondering"})


def _missing_fields(_rule: Rule, reply: Reply) -> Reply:
    if reply.status != 200 or not isinstance(reply.body, dict):
        return reply
    body = {"id": reply.body["id"], "status": reply.body["status"], "meta": None}
    if reply.body.get("audio_file"):
        body["audio_file"] = {"url": reply.body["audio_file"]["url"]}
    return replace(reply, body=body)


def _truncate(_rule: Rule, reply: Reply) -> Reply:
    half = len(reply.body) // 2
    return replace(reply, cut_after=half) if reply.status == 200 else reply


def _shorten(_rule: Rule, reply: Reply) -> Reply:
    if reply.status != 200 or not isinstance(reply.body, bytes):
        return reply
    return replace(reply, body=reply.body[: len(reply.body) // 2])


BAD_GATEWAY = _error(502, "Bad gateway.", by_gateway=True)
NO_CREDITS = "You've run out of credits. Please top up your balance or update your payment method to continue."

FAULTS = {
    "bad_gateway": Fault("instead", BAD_GATEWAY),
    "bad_gateway_after": Fault("afterwards", BAD_GATEWAY),
    "html_body": Fault("instead", _page(502)),
    "html_ok": Fault("instead", _page(200)),
    "empty_body": Fault("afterwards", _empty),
    "rate_limit_seconds": Fault("instead", _wait_seconds),
    "rate_limit_date": Fault("instead", _wait_until),
    "drop_before": Fault("instead", _drop),
    "drop_after": Fault("afterwards", _drop),
    "slow": Fault("afterwards", _slow),
    "unauthorized": Fault("instead", _error(401, "Unauthorized: this key is not valid.")),
    "no_credits": Fault("instead", _error(403, NO_CREDITS)),
    "not_found": Fault("instead", _error(404, "Not found.")),
    "redirect": Fault("instead", _redirect),
    "data_refused": Fault("within", calls=("submit",)),
    "error_status": Fault("within", calls=("retrieve",)),
    "unknown_status": Fault("afterwards", _unknown_status, ("retrieve",)),
    "missing_fields": Fault("afterwards", _missing_fields, ("retrieve",)),
    "expired_audio": Fault("within", calls=("download",)),
    "truncated_audio": Fault("afterwards", _truncate, ("download",)),
    "short_audio": Fault("afterwards", _shorten, ("download",)),
    "logs_late": Fault("within", calls=("logs",)),
}

_EXAMPLE = '{"fault": "bad_gateway", "call": "retrieve", "times": 2}'

_KINDS: dict[str, tuple[tuple[type, ...], float]] = {
    "times": ((int, type(None)), math.inf),
    "rate": ((int, float), 1),
    "seed": ((int,), math.inf),
    "after": ((int,), math.inf),
    "seconds": ((int, float), 3600),
}


def parse(rules: object) -> tuple[Rule, ...]:
    """Read a list of rules: objects as they come from JSON, or each still as its JSON text.

    Raises
    ------
    ValueError
        For anything that is not a list of objects, and for an unknown field, fault or call.
    """
    if not isinstance(rules, list | tuple):
        raise ValueError("Faults are a list of objects.")
    return tuple(_rule(_decoded(given) if isinstance(given, str) else given) for given in rules)


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"{text!r} is not JSON; a fault looks like {_EXAMPLE}.") from None


def _rule(given: object) -> Rule:
    if not isinstance(given, dict):
        raise ValueError(f"A fault is an object such as {_EXAMPLE}.")
    names = [field.name for field in dataclasses.fields(Rule)]
    for name in given:
        if name not in names:
            raise ValueError(f"A fault has no field {name!r}; it takes {', '.join(names)}.")
    _check_names(given)
    for name, (kinds, most) in _KINDS.items():
        _check_number(name, given.get(name, 0), kinds, most)
    return Rule(**given)


def _check_names(given: dict[str, Any]) -> None:
    fault, call = given.get("fault"), given.get("call", "any")
    if not isinstance(fault, str) or fault not in FAULTS:
        raise ValueError(f"There is no fault {fault!r}. The faults are: {', '.join(sorted(FAULTS))}.")
    possible = FAULTS[fault].calls
    if call != "any" and call not in possible:
        raise ValueError(f"{fault} cannot happen to {call!r}, only to: {', '.join(possible)}, any.")
    if not isinstance(given.get("url", ""), str) or "\n" in given.get("url", "") or "\r" in given.get("url", ""):
        raise ValueError("url must be the address that redirect points to.")


def _check_number(name: str, value: Any, kinds: tuple[type, ...], most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise ValueError(f"{name} must be a number.")
    if isinstance(value, int | float) and not 0 <= value <= most:
        raise ValueError(f"{name} must be from 0 to {most:g}.")


@dataclass
class _Counter:
    """A rule, how many calls it has seen and how often it applied."""

    rule: Rule
    rng: random.Random
    seen: int = 0
    fired: int = 0

    def matches(self, call: str) -> bool:
        rule = self.rule
        return call in FAULTS[rule.fault].calls and rule.call in ("any", call)

    def due(self) -> bool:
        self.seen += 1
        if self.seen <= self.rule.after or self.rng.random() >= self.rule.rate:
            return False
        return self.rule.times is None or self.fired < self.rule.times


class Faults:
    """The rules in force, and how often each has applied."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.replace(rules)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Put other rules in force; all counts start again."""
        self._counters = [_Counter(rule, random.Random(f"{number}:{rule.seed}")) for number, rule in enumerate(rules)]

    def draw(self, call: str, applies: Callable[[str], bool]) -> Rule | None:
        """Return the rule that applies to this call, if one does.

        Parameters
        ----------
        call : str
            One of `CALLS`.
        applies : callable
            Whether the fault of this name can happen to this very call.
        """
        matching = [each for each in self._counters if each.matches(call) and applies(each.rule.fault)]
        # Every rule counts the call, so that `after` means calls, whatever other rules do to them.
        due = [each for each in matching if each.due()]
        if not due:
            return None
        due[0].fired += 1
        return due[0].rule

    def report(self) -> list[dict[str, Any]]:
        """Return the rules as JSON, each with `fired`: how often it has applied."""
        return [{**dataclasses.asdict(each.rule), "fired": each.fired} for each in self._counters]
