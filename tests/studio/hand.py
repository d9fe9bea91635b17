"""What a person does with a studio and what they see of it, by program and without a page.

Everything is found by what is written on it.
"""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from minimax_nb import MusicStudio, Song
from minimax_nb.studio.components import DropZone, Player, Waveform
from minimax_nb.studio.components.chunks import CHUNK
from tests.support import until

LYRICS = "Side by side, through thick and thin,\n\nWith a laugh, we always win."


class PageEnd:
    """The page's end of a component: sends messages as a front end would, and keeps the answers."""

    def __init__(self, component: Any) -> None:
        self.component = component
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[Sequence[bytes]] = []
        component.send = self._take

    def _take(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.sent.append(content)
        self.buffers.append(buffers)

    def say(self, content: Any, *buffers: bytes) -> list[dict[str, Any]]:
        """Send a message and return the answers."""
        before = len(self.sent)
        data = {"method": "custom", "content": content}
        self.component._handle_msg({"content": {"data": data}, "buffers": [memoryview(buffer) for buffer in buffers]})
        return self.sent[before:]

    def begin(self, body: bytes, id: str = "a", name: str = "song.wav") -> list[dict[str, Any]]:
        """Begin to upload a file."""
        return self.say({"type": "begin", "id": id, "name": name, "size": len(body)})

    def chunk(self, body: bytes, seq: int, id: str = "a") -> list[dict[str, Any]]:
        """Send one chunk of it."""
        data = body[seq * CHUNK : (seq + 1) * CHUNK]
        return self.say({"type": "chunk", "id": id, "seq": seq, "n": len(data)}, data)

    def end(self, body: bytes, id: str = "a") -> list[dict[str, Any]]:
        """Say that all of it was sent."""
        return self.say({"type": "end", "id": id, "crc": zlib.crc32(body)})

    def upload(self, body: bytes, id: str = "a", name: str = "song.wav") -> list[dict[str, Any]]:
        """Upload a file; return the last answer."""
        self.begin(body, id, name)
        for seq in range(-(-len(body) // CHUNK)):
            self.chunk(body, seq, id)
        return self.end(body, id)


def shown_widgets(widget: Any, *, hidden: bool = False) -> Iterator[Any]:
    """A widget and all inside it that are in the page, or loaded by it at least."""
    if not hidden and "mnb-hidden" in getattr(widget, "_dom_classes", ()):
        return
    yield widget
    for child in getattr(widget, "children", ()):
        yield from shown_widgets(child, hidden=hidden)


def words_of(value: str) -> str:
    """The words of a piece of HTML, as a person reads them."""
    return re.sub(
        r"\s+", " ", html.unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", value, flags=re.DOTALL))
    ).strip()


@dataclass
class Hand:
    """Somebody with a studio."""

    studio: MusicStudio

    def show(self) -> None:
        """Display it, as the last line of a cell does; a page has the first takes shown by itself."""
        self.studio._repr_mimebundle_()
        if not self.studio._store.state.most_listed:
            self.press("More takes")

    # What is seen

    @property
    def words(self) -> str:
        """All that can be read."""
        return " | ".join(filter(None, (words_of(each.value) for each in self._all(widgets.HTML))))

    def sees(self, *words: str, seconds: float = 20) -> None:
        """Wait until these words can be read."""
        for each in words:
            try:
                until(lambda each=each: each in self.words, seconds)  # type: ignore[misc]
            except AssertionError:
                raise AssertionError(f"“{each}” is not to be read in: {self.words}") from None

    @property
    def html(self) -> str:
        """The same, as it is sent to the page."""
        return "".join(each.value for each in self._all(widgets.HTML))

    def button(self, name: str) -> Any:
        """The first button with this name."""
        return self.buttons(name)[0]

    def buttons(self, name: str) -> list[Any]:
        """All buttons whose names begin so."""
        kinds = (widgets.Button, widgets.ToggleButton)
        return [each for each in self._all(*kinds) if each.description.startswith(name)]

    def field(self, label: str) -> Any:
        """The field with this label."""
        kinds = (widgets.Text, widgets.Textarea, widgets.Checkbox, widgets.Dropdown)
        return next(each for each in self._all(*kinds) if each.description.startswith(label))

    def the(self, kind: type[Any]) -> Any:
        """The one component of a kind; a page loads it before it is shown."""
        found = [each for each in shown_widgets(self.studio, hidden=True) if isinstance(each, kind)]
        if not found:
            # What nobody sees at first is made when a page has drawn the drop zone.
            self.zone.drawn = True
            return self.the(kind)
        return found[0]

    def _all(self, *kinds: type[Any]) -> Iterator[Any]:
        return (each for each in shown_widgets(self.studio) if isinstance(each, kinds))

    @property
    def lyrics(self) -> Any:
        """The field for the lyrics."""
        return self.field("What is sung")

    @property
    def link(self) -> Any:
        """The field for a link or a path."""
        return self.field("Or a link")

    @property
    def zone(self) -> DropZone:
        """The drop zone."""
        zone: DropZone = self.the(DropZone)
        return zone

    @property
    def wave(self) -> Waveform:
        """The waveform of the reference."""
        wave: Waveform = self.the(Waveform)
        return wave

    @property
    def player(self) -> Player:
        """The player of the song."""
        player: Player = self.the(Player)
        return player

    @property
    def playing(self) -> bytes:
        """The song that can be played, in a page that draws no components."""
        return bytes(self.the(widgets.Audio).value)

    @property
    def takes(self) -> list[str]:
        """The words of the rows of the list of takes."""
        rows = [each for each in shown_widgets(self.studio) if "mnb-take" in getattr(each, "_dom_classes", ())]
        return [
            words_of("".join(each.value for each in shown_widgets(row) if isinstance(each, widgets.HTML)))
            for row in rows
        ]

    @property
    def shelf(self) -> list[str]:
        """The same of the favourites."""
        return self.takes[: self._rows_before("All others")] if "Favourites |" in self.words else []

    def _rows_before(self, words: str) -> int | None:
        """How many rows stand above these words; None where the words are not there."""
        number = 0
        for each in shown_widgets(self.studio):
            number += "mnb-take" in getattr(each, "_dom_classes", ())
            if isinstance(each, widgets.HTML) and words in each.value:
                return number
        return None

    # What is done

    def press(self, name: str, number: int = 0) -> None:
        """Press a button."""
        pressed = self.buttons(name)[number]
        if isinstance(pressed, widgets.ToggleButton):
            pressed.value = not pressed.value
        else:
            pressed.click()

    def upload(self, content: bytes, name: str = "tone.wav") -> None:
        """Choose a file with the drop zone."""
        PageEnd(self.zone).upload(content, name=name)
        until(lambda: f"{name}…" not in self.words)

    def write(self, lyrics: str) -> None:
        """Write lyrics over whatever the field holds."""
        self.lyrics.value = lyrics

    def generate(self) -> None:
        """Press the button that makes a song."""
        self.press("Generate song")

    def finish(self, timeout: float = 60) -> Song:
        """Wait for the song."""
        return self.studio.wait(timeout)
