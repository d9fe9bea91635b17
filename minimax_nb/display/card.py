"""A song as the value of a cell: a small card that stays in the notebook, and something to play it with.

A notebook keeps the html of the card, a few KB, and not the audio. What a person sees:

=======================  ============================================================
saved beside the         the card with an ``<audio>`` that plays that file, with and
notebook                 without a kernel
not beside, kernel       the card, and below it a button that brings the audio over
lives
not beside, reopened     the card
Google Colab             the card with the audio inside, and how big that is
=======================  ============================================================

The button is an output of its own: a front end that finds a widget's model gone shows an error in place of
the whole output (JupyterLab 4.6), and the card must outlive its kernel.
"""

from __future__ import annotations

import filecmp
import functools
import html
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from IPython.display import Audio, display

from .. import audio
from .environment import in_colab, in_notebook, notebook_folder

# What JupyterLab writes in place of the button when its model is not there (yet, or any more).
_HIDING = (
    "<style>.jp-OutputArea-child:has(.mnb-song-card) + .jp-OutputArea-child "
    ".jp-OutputArea-output.lm-Panel:not(:has(*)) { display: none; }</style>"
)
_FILES = 1000  # that are examined in search of a copy
_BARS = 96
_HEIGHT = 36


class Player(Audio):
    """The audio inside the notebook, with a word on how much it adds to it."""

    @property
    def megabytes(self) -> float:
        """What it adds to the notebook: base64 takes 4 bytes for 3."""
        return len(self.data) * 4 / 3 / 1e6

    @property
    def size_note(self) -> str:
        """The same in words."""
        return f"The audio is inside this notebook: {self.megabytes:.1f} MB."

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        player = f"{self._repr_html_()}<br><small>{self.size_note}</small>"
        return {"text/plain": f"<Player, {self.size_note}>", "text/html": player}


@dataclass(frozen=True)
class Card:
    """What there is to see and to hear.

    Attributes
    ----------
    title, facts, error : str
        In words.
    path : pathlib.Path or None
        The finished file.
    beside : str
        Where the notebook finds this file or a copy of it, from its own folder; see `find_copy`.
    details : str
        What few want to know; folded away.
    """

    title: str
    facts: str
    error: str = ""
    path: Path | None = None
    beside: str = ""
    details: str = ""

    @property
    def needs_kernel(self) -> bool:
        """Whether this is a notebook in which only the kernel can bring the audio over."""
        return self.path is not None and not self.beside and in_notebook() and not in_colab()

    def show(self, plain: str) -> None:
        """Show the card, and a button that plays, in the cell that runs."""
        display({"text/plain": plain, "text/html": self.html()}, raw=True)
        if self.path is not None:
            display(play_button(self.path))

    def html(self) -> str:
        """What the notebook keeps."""
        lines = [f"<strong>{html.escape(self.title)}</strong> <small>{html.escape(self.facts)}</small>"]
        lines += [f"<small>{html.escape(self.error)}</small>"] if self.error else []
        lines += [waveform(self.path), self._sound(self.path)] if self.path is not None else []
        hiding = _HIDING if self.needs_kernel else ""
        folded = f"<small>{html.escape(self.details)}</small>"
        details = f"<details><summary><small>Details</small></summary>{folded}</details>" if self.details else ""
        return f'<div class="mnb-song-card">{hiding}{"<br>".join(line for line in lines if line)}{details}</div>'

    def _sound(self, path: Path) -> str:
        if in_colab():
            player = Player(filename=str(path), embed=True)
            return f"{player._repr_html_()}<br><small>{player.size_note}</small>"
        if self.beside:
            return f'<audio controls preload="metadata" src="{html.escape(self.beside, quote=True)}"></audio>'
        return ""


def find_copy(path: Path) -> str:
    """Find a finished file, or a copy of it, in the folder of the notebook.

    Returns
    -------
    str
        The newest one as a relative URL; empty where there is none, at most one folder down.
    """
    try:
        folder = notebook_folder().resolve()
        files = [*_same(path, folder), path.resolve()]
        return next(filter(None, (_url(file, folder) for file in files)), "")
    except OSError:
        return ""


def _url(file: Path, folder: Path) -> str:
    """A file as a notebook in this folder names it; empty where no notebook server hands it out."""
    if not file.is_relative_to(folder):
        return ""
    relative = file.relative_to(folder)
    return "" if any(part.startswith(".") for part in relative.parts) else quote(relative.as_posix())


def _same(path: Path, folder: Path) -> list[Path]:
    """Copies of a file in a folder and the ones directly in it, newest first; at most `_FILES` files are examined."""
    near = itertools.chain(folder.glob(f"*{path.suffix}"), folder.glob(f"*/*{path.suffix}"))
    size = path.stat().st_size
    alike = [each for each in itertools.islice(near, _FILES) if each.is_file() and each.stat().st_size == size]
    alike.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    return [each for each in alike if filecmp.cmp(path, each, shallow=False)]


def play_button(path: Path) -> Any:
    """Make a widget that fetches a file from the kernel and plays it when it is pressed."""
    import ipywidgets

    button = ipywidgets.Button(description="Play", icon="play")
    box = ipywidgets.VBox([button])

    def play(_: object) -> None:
        try:
            # Only now, as the state of a widget may be saved with the notebook.
            player = ipywidgets.Audio(value=path.read_bytes(), format="mp3", autoplay=True, loop=False)
            box.children = (player,)
        except OSError as error:
            box.children = (button, ipywidgets.HTML(f"The file cannot be read: {html.escape(str(error.strerror))}."))

    button.on_click(play)
    return box


def waveform(path: Path) -> str:
    """Draw the loudness of a file over time, as an SVG of about 2 KB; empty where it cannot be read."""
    try:
        return _drawing(path, path.stat().st_mtime_ns)
    except OSError:
        return ""


@functools.lru_cache(maxsize=64)
def _drawing(path: Path, changed: int) -> str:
    import numpy as np

    try:
        envelope = audio.read_info(path).envelope
    except audio.NotAudio:
        return ""
    loudest = [part.max() for part in np.array_split(envelope, min(_BARS, len(envelope)))]
    heights = np.maximum(1, np.round(np.array(loudest) / max(max(loudest), 1e-6) * _HEIGHT / 2)).astype(int)
    bars = "".join(f"M{4 * x + 2} {_HEIGHT // 2 - half}v{2 * half}" for x, half in enumerate(heights))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{4 * len(heights)}" height="{_HEIGHT}" role="img" '
        f'aria-label="Loudness over time"><path d="{bars}" stroke="#7a7a7a" stroke-width="2"/></svg>'
    )
