"""The list of models, with their prices in play money."""

from __future__ import annotations

from typing import Any

from ...catalogue import MODELS
from .faults import MUSIC_TYPE, Rule
from .handler import Handler
from .responses import Reply

_CHAT_MODEL: dict[str, Any] = {"id": "openai/gpt-4o", "aliases": ["gpt-4o"], "type": "chat-completion"}
"""The provider lists more than music."""


class Models(Handler):
    """The models and their price."""

    needs_key = False

    async def get(self) -> None:
        """Answer with the requested models."""
        await self.respond("models", self._list)

    async def _list(self, _rule: Rule | None) -> Reply:
        wanted = self.get_query_argument("id", "")
        priced = "pricing" in self.get_query_argument("include", "").split(",")
        rows = [row for name in MODELS for row in self._rows(name, priced)] + [_CHAT_MODEL]
        found = [row for row in rows if wanted in ("", row["id"], *row["aliases"])]
        return Reply({"object": "list", "data": found})

    def _rows(self, name: str, priced: bool) -> list[dict[str, Any]]:
        """Return the rows of a model: the provider repeats an id under another type, without a price."""
        alias = name.rpartition("/")[2]
        row: dict[str, Any] = {"id": name, "aliases": [] if alias == name else [alias], "type": MUSIC_TYPE}
        other = {**row, "type": "internal/audio-generations/retrieve"}
        return [{**row, "pricing": self._pricing()} if priced else row, other]

    def _pricing(self) -> dict[str, Any]:
        unit = {"name": "generation", "measure": "generation", "content": "audio", "origin": "output"}
        return {
            "kind": "fixed",
            "currency": "USD",
            "units": [{**unit, "price": self.context.price_usd, "per": 1}],
            "dimensions": [],
            "variants": [],
        }

    def compute_etag(self) -> str | None:
        """Return the ETag of the answer, which tornado turns into a 304 where it is known already."""
        return super(Handler, self).compute_etag()
