"""A gallery in a page, in the colours of the studio."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
from IPython.display import display

from ..classroom.listening import MOST_STARS, Gallery
from . import html as drawing
from .components import SongList
from .studio import STYLE, enable_components
from .ui import Column, classes, show_if, text

_NOT_LOADED = "The songs are listed below. This page cannot play them: export them with .export(folder)."


def show(gallery: Gallery) -> None:
    """Show a gallery below the cell, and below that, for pages that show no widgets, as text."""
    enable_components()
    display(make_view(gallery))


def make_view(gallery: Gallery) -> Any:
    """The widget of a gallery; what is done in it the gallery knows."""

    def rows() -> list[dict[str, str]]:
        names = ("" if gallery.blind else song.name for song in gallery.songs)
        return [
            {"title": song.title, "name": name, "words": song.words}
            for song, name in zip(gallery.songs, names, strict=True)
        ]

    songs = SongList(
        lambda number: gallery.songs[number].path.read_bytes(),
        songs=rows(),
        blind=gallery.blind,
        stars=[gallery.stars.get(number, 0) for number in range(len(gallery.songs))],
        most_stars=MOST_STARS,
    )
    fallback = text(drawing.line(_NOT_LOADED) + drawing.line(repr(gallery)))

    def take(_change: object) -> None:
        gallery.stars = {number: stars for number, stars in enumerate(songs.stars) if stars}
        if gallery.blind and not songs.blind:
            gallery.blind = False
            songs.songs = rows()

    songs.observe(take, ["stars", "blind"])
    songs.observe(lambda _change: show_if(fallback, not songs.seen), "seen")
    head = text(drawing.heading(None, "What we made" if gallery.songs else "Nothing is handed in yet"))
    card = Column([head, songs, fallback], "card")
    return widgets.VBox([text(STYLE, "style"), card], _dom_classes=classes("studio"))
