"""A recording by the microphone of the person's computer."""

from __future__ import annotations

import threading
from collections.abc import Callable

import traitlets

from ..ui import classes
from .chunks import Received
from .component import read
from .receiver import Receiver


class Recorder(Receiver):
    """A Record button: the page records, and what the person wants to use comes in chunks, as wav of 16 bits.

    Parameters
    ----------
    on_file : callable
        Called with the `Received` file; see `Receiver`.
    lock : threading.RLock
        Held while a chunk is written.

    Attributes
    ----------
    minimum : float
        A recording must be longer than so many seconds.
    maximum : float
        How much of it is sent at most, in seconds.
    hint : str
        The quiet line beside the button.
    """

    _esm = read("shared.js", "wav.js", "upload.js", "recorder.js")
    _classes = classes("record")

    minimum = traitlets.Float(15.0, min=0.0).tag(sync=True)
    maximum = traitlets.Float(60.0, min=0.0).tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)

    def __init__(self, on_file: Callable[[Received], object], lock: threading.RLock) -> None:
        super().__init__(on_file, lock)
