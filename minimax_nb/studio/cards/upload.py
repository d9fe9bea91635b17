"""Where a file comes in: a drop zone, and a plain button where that cannot be drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from .. import components
from .. import html as drawing
from ..state import Store
from ..ui import Column, Show, handler, make, text


class Upload(Column):
    """Where a file comes in: a drop zone, and a plain FileUpload, which a page shows where it cannot draw the other.

    Parameters
    ----------
    store : Store
        Whose lock is taken while a chunk is written.
    on_file : callable
        Called with the path of a file, its name, and for one of the drop zone with what has the page decode it.
    folder : callable
        Gives a folder for what a FileUpload received.
    show : callable
        Shows what went wrong.
    """

    def __init__(self, store: Store, on_file: Callable[..., None], folder: Callable[[], Path], show: Show) -> None:
        self._on_file = on_file
        self._folder = folder
        self.zone = components.DropZone(
            lambda file: on_file(file.path, file.name, self.zone.decode),
            store.lock,
            accept="",  # its content decides
        )
        self._plain = make(
            widgets.FileUpload,
            "button",
            "upload",
            accept="audio/*,video/*",
            multiple=False,
            description="Choose a file",
        )
        plain = make(widgets.VBox, "plain", children=(self._plain, text(_why_plain())))
        super().__init__([self.zone, plain], "uploads")
        self._plain.observe(handler(show, self._take_plain), "value")

    def forget(self) -> None:
        """Say no more of the file that came last: another reference was chosen, or this one cannot be used."""
        self.zone.forget()

    def _take_plain(self) -> None:
        file = received(self._plain.value)
        if file is None:
            return
        name, content = file
        _empty(self._plain)
        path = self._folder() / "upload"
        path.write_bytes(content)
        self._on_file(path, name)


def _why_plain() -> str:
    return drawing.line(
        "The drop zone could not be drawn here. This button drops files above "
        f"{_upload_limit()} without a word: put such a file beside the notebook and give its name below."
    )


def _upload_limit() -> str:
    """How large a file the front end lets through; it drops a larger one without a word."""
    return "1 MB" if "google.colab" in sys.modules else "9 MB"


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


def _empty(upload: Any) -> None:
    """Empty a FileUpload: the same file can be picked again, and its bytes are not kept twice."""
    if isinstance(upload.value, Mapping):
        upload.metadata, upload.data = [], []
        upload._counter = 0
    else:
        upload.value = ()
