"""The service's own calls, which the provider does not have: its proof, its end, its faults."""

from __future__ import annotations

import json

from .faults import Rule
from .handler import Handler
from .keys import AUDIO_SCOPE
from .responses import Rejection, Reply, proof
from .rules import parse

MOST_GUESTS = 1000


class Proof(Handler):
    """Whether this is the service that holds the key: answered without sending the key or asking for it."""

    needs_key = False

    async def get(self) -> None:
        """Answer what only the holder of the key can answer to the nonce."""
        await self.respond("", self._prove)

    async def _prove(self, _rule: Rule | None) -> Reply:
        nonce = self.get_query_argument("nonce", "")[:100]
        return Reply({"proof": proof(self.context.key, nonce), "version": self.context.version})


class Stop(Handler):
    """The end of the service, for a newer one that takes its place."""

    needs_management_key = True

    async def post(self) -> None:
        """End, unless a song is being made."""
        await self.respond("", self._stop)

    async def _stop(self, _rule: Rule | None) -> Reply:
        if self.context.is_working:
            raise Rejection(409, "A song is being made.")
        self.context.stop.set()
        return Reply({"stopped": True})


class Join(Handler):
    """A token of its own for each library that works in a room."""

    needs_key = False

    async def post(self) -> None:
        """Give one."""
        await self.respond("", self._join)

    async def _join(self, _rule: Rule | None) -> Reply:
        if not self.context.room.open:
            raise Rejection(403, "This service gives no tokens.")
        if len(self.context.keys.all()) >= MOST_GUESTS:
            raise Rejection(409, f"The room has {MOST_GUESTS} guests already, and takes no more.")
        name = str(self.get_query_argument("name", "")) or "guest"
        key, secret = self.context.keys.mint(name=name[:200], scopes=(AUDIO_SCOPE,))
        return Reply({"name": key.name, "key": secret}, 201)


class FaultList(Handler):
    """The faults in force."""

    needs_management_key = True

    async def get(self) -> None:
        """Answer the rules, each with how often it has applied."""
        await self.respond("", self._report)

    async def put(self) -> None:
        """Put other rules in force."""
        await self.respond("", self._replace)

    async def _report(self, _rule: Rule | None) -> Reply:
        return Reply(self.context.faults.report())

    async def _replace(self, _rule: Rule | None) -> Reply:
        try:
            rules = parse(json.loads(self.request.body))
        except (ValueError, RecursionError) as problem:
            raise Rejection(400, f"Body validation error! {problem}") from None
        self.context.faults.replace(rules)
        return Reply(self.context.faults.report())


class NoSuchCall(Handler):
    """Any other path."""

    async def prepare(self) -> None:
        """Answer at once."""
        self.send_error(404)
