"""The list of models, with their prices in play money."""

from __future__ import annotations

from typing import Any

from ...catalogue import MODELS
from .faults import MUSIC_TYPE, Rule
from .handler import Handler
from .responses import Reply


class Models(Handler):
    """The models and their price."""

    needs_key = False

    async def get(self) -> None:
        """Answer with the requested models."""
        await self.respond("models", self._list)

    async def _list(self, _rule: Rule | None) -> Reply:
        wanted = self.get_query_argument("id", "")
        priced = "pricing" in self.get_query_argument("include", "").split(",")
        data = [self._row(name, priced) for name in MODELS if wanted in ("", name)]
        return Reply({"object": "list", "data": data})

    def _row(self, name: str, priced: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"id": name, "aliases": [], "type": MUSIC_TYPE}
        if priced:
            unit = {"name": "generation", "measure": "generation", "price": self.context.price_usd, "per": 1}
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
        return super(Handler, self).compute_etag()
