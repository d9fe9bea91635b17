"""What ipywidgets cannot do, as components of our own.

A drop zone, a waveform with handles, a field for a key, words that light up, and what a page notices by itself.
They need anywidget. Where it is missing, `available` says so, and nothing else here may be touched.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .chunks import Received

if TYPE_CHECKING:
    from .dropzone import DropZone
    from .karaoke import Words
    from .keyfield import KeyField
    from .listener import Listener
    from .waveform import Waveform

__all__ = ["DropZone", "KeyField", "Listener", "Received", "Waveform", "Words", "available"]

_HOMES = {
    "DropZone": "dropzone",
    "KeyField": "keyfield",
    "Listener": "listener",
    "Waveform": "waveform",
    "Words": "karaoke",
}


def available() -> bool:
    """Whether these parts can be made: anywidget is installed and works with this ipywidgets."""
    try:
        importlib.import_module("anywidget")
    except Exception:
        # Not only ImportError: an anywidget that does not go with this ipywidgets fails in its own ways.
        return False
    return True


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
