"""The fault rules in force: read from JSON, drawn for each call, counted."""

from __future__ import annotations

import dataclasses
import json
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .faults import FAULTS, Rule

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
    for name in ("url", "song"):
        text = given.get(name, "")
        if not isinstance(text, str) or not text.isprintable():
            raise ValueError(f"{name} must be a text in one line.")


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

    def draw(self, call: str, applies: Callable[[Rule], bool]) -> Rule | None:
        """Return the rule that applies to this call, if one does.

        Parameters
        ----------
        call : str
            One of `CALLS`.
        applies : callable
            Whether a rule can apply to this very call.
        """
        matching = [each for each in self._counters if each.matches(call) and applies(each.rule)]
        # Every rule counts the call, so that `after` means calls, whatever other rules do to them.
        due = [each for each in matching if each.due()]
        if not due:
            return None
        due[0].fired += 1
        return due[0].rule

    def names(self) -> set[str]:
        """Return the faults that may happen."""
        return {each.rule.fault for each in self._counters}

    def report(self) -> list[dict[str, Any]]:
        """Return the rules as JSON, each with `fired`: how often it has applied."""
        return [{**dataclasses.asdict(each.rule), "fired": each.fired} for each in self._counters]
