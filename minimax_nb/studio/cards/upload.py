"""Where a file comes in: the drop zone, or a plain FileUpload where that cannot be drawn."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from .. import components as parts
from ..ui import Show, make, show_if, text, visibly

_PATIENCE = 15.0
"""How long a page may take to draw the drop zone, in seconds."""


class Inlet(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """A drop zone and, behind it, a FileUpload.

    Parameters
    ----------
    on_file : callable
        Called with the path of a file and its name.
    folder : callable
        Gives a folder for what a FileUpload received.
    show : callable
        Shows what went wrong.
    """

    def __init__(self, on_file: Callable[[Path, str], None], folder: Callable[[], Path], show: Show) -> None:
        self._on_file = on_file
        self._folder = folder
        self.zone: Any = self._make_zone() if parts.available() else None
        self.plain = make(
            widgets.FileUpload, "button", "upload", accept=".wav,.mp3", multiple=False, description="Choose a file"
        )
        self._why = text("", "why")
        self._plain = make(widgets.VBox, "plain", children=(self.plain, self._why))
        super().__init__([*([self.zone] if self.zone else []), self._plain])
        self.plain.observe(visibly(show, self._take_plain), "value")
        self._fall_back(self.zone is None)

    def watch(self) -> None:
        """Look whether a page draws the drop zone, and offer the button where none does."""
        if self.zone is None or self.zone.seen:
            return
        self.zone.observe(lambda _: self._fall_back(False), "seen")
        timer = threading.Timer(_PATIENCE, lambda: self._fall_back(not self.zone.seen))
        timer.daemon = True
        timer.start()

    def forget(self) -> None:
        """Say no more of the file that came last: another reference was chosen, or this one cannot be used."""
        if self.zone is not None:
            self.zone.forget()

    def _make_zone(self) -> Any:
        return parts.DropZone(
            lambda file: self._on_file(file.path, file.name),
            hint="Wav or mp3 with music and singing, longer than 15 s",
        )

    def _fall_back(self, needed: bool) -> None:
        show_if(self._plain, needed)
        if needed:
            self._why.value = (
                f'<div class="mnb-line mnb-quiet">Wav or mp3, longer than 15 s. {_lacking(self.zone is None)} '
                f"This button drops files above {limit_words()} without a word: put such a file beside the "
                "notebook and give its name below.</div>"
            )

    def _take_plain(self) -> None:
        file = received(self.plain.value)
        if file is None:
            return
        name, content = file
        forget(self.plain)
        path = self._folder() / "upload"
        path.write_bytes(content)
        self._on_file(path, name)


def _lacking(installed: bool) -> str:
    if installed:
        return "The drop zone and the waveform need anywidget: run <code>%pip install anywidget</code>."
    return "The drop zone could not be drawn here."


def admit_parts() -> None:
    """Let Colab show widgets that it does not know; it asks for that before the first one."""
    if "google.colab" in sys.modules and parts.available():
        with contextlib.suppress(Exception):  # of Colab's own, and the plain upload works without
            from google.colab import output

            output.enable_custom_widget_manager()


def received(value: Any) -> tuple[str, bytes] | None:
    """Read `FileUpload.value`.

    Parameters
    ----------
    value : dict or tuple of dict
        ``{name: {"metadata": ..., "content": bytes}}`` with ipywidgets 7;
        ``({"name": ..., "content": memoryview},)`` with ipywidgets 8.

    Returns
    -------
    tuple of str and bytes, or None
        Name and content of the first file; None when there is none.
    """
    if not value:
        return None
    if isinstance(value, Mapping):
        name, file = next(iter(value.items()))
    else:
        name, file = value[0]["name"], value[0]
    return name, bytes(file["content"])


def forget(upload: Any) -> None:
    """Empty a FileUpload: the same file can be picked again, and its bytes are not kept twice."""
    if isinstance(upload.value, Mapping):
        upload.metadata, upload.data = [], []
        upload._counter = 0
    else:
        upload.value = ()


def limit_words() -> str:
    """How large a file the front end lets through; it drops a larger one without a word."""
    return "1 MB" if "google.colab" in sys.modules else "9 MB"
