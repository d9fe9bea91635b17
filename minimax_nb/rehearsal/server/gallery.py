"""The calls of a gallery: a song is handed in, all of them are listed, heard and deleted."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from tornado import web

from .faults import Rule
from .handed_in import NO_MP3
from .handler import BodyHandler, Handler
from .responses import Rejection, Reply


@web.stream_request_body
class HandIn(BodyHandler):
    """Hand a song in."""

    async def post(self) -> None:
        """Keep it."""
        await self.respond("", self._keep)

    async def _keep(self, _rule: Rule | None) -> Reply:
        fields = self.reader.fields(self.request.headers.get("Content-Type", ""))
        song, audio = fields.get("song"), _decoded(fields)
        if not isinstance(song, str) or not 0 < len(song) <= 200:
            raise Rejection(400, "Body validation error! song: Expected a text of 1 to 200 characters.")
        owner = self.api_key.prefix if self.api_key else ""
        by = self.api_key.name if self.api_key else ""
        kept = await self.context.loop.run_in_executor(None, self.context.handed_in.add, audio, song, by, owner)
        return Reply({"id": kept.id}, 201)


def _decoded(fields: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(fields["audio"], validate=True)
    except (KeyError, TypeError, binascii.Error, ValueError):
        raise Rejection(400, NO_MP3) from None


class Gallery(Handler):
    """All songs that were handed in, for the teacher."""

    needs_management_key = True

    async def get(self) -> None:
        """List them, each with a link that expires."""
        await self.respond("", self._list)

    async def delete(self) -> None:
        """Delete all of them."""
        await self.respond("", self._clear)

    async def _list(self, _rule: Rule | None) -> Reply:
        songs = await self.context.loop.run_in_executor(None, self.context.handed_in.all)
        return Reply({"data": [{"id": song.id, "by": song.by, "url": self._link(song.id)} for song in songs]})

    def _link(self, song_id: str) -> str:
        return f"{self.address}/rehearsal/gallery/{song_id}.mp3?{self.context.signer.query(song_id)}"

    async def _clear(self, _rule: Rule | None) -> Reply:
        return Reply({"deleted": await self.context.loop.run_in_executor(None, self.context.handed_in.clear)})


class GallerySong(Handler):
    """One of them, for whoever holds a valid link."""

    needs_key = False

    async def get(self, song_id: str) -> None:
        """Download."""
        await self.respond("", lambda _rule: self._download(song_id))

    async def _download(self, song_id: str) -> Reply:
        given = [self.get_query_argument(name, "") for name in ("Expires", "Signature")]
        path = self.context.handed_in.path(song_id)
        if not self.context.signer.is_valid(song_id, *given) or not path.is_file():
            raise Rejection(404, "No such song.")
        return Reply(await self.context.loop.run_in_executor(None, path.read_bytes), content_type="audio/mpeg")
