"""What a FileUpload received, in the shape of either ipywidgets."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    """A file from the browser."""

    name: str
    content: bytes


def received(value: Any) -> Received | None:
    """Read `FileUpload.value`.

    Parameters
    ----------
    value : dict or tuple of dict
        ``{name: {"metadata": ..., "content": bytes}}`` with ipywidgets 7;
        ``({"name": ..., "content": memoryview},)`` with ipywidgets 8.

    Returns
    -------
    Received or None
        The first file; None when there is none.
    """
    if not value:
        return None
    if isinstance(value, Mapping):
        name, file = next(iter(value.items()))
    else:
        name, file = value[0]["name"], value[0]
    return Received(name, bytes(file["content"]))


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
