"""What ipywidgets cannot do, each a pair of files: one for the kernel and one for the page.

A drop zone, a recorder, a waveform with handles, a player, two takes side by side, words that light up, a field for
a key, and what a page does itself.
"""

from .chunks import Received
from .compare import Compare
from .dropzone import DropZone
from .karaoke import Words
from .keyfield import KeyField
from .listener import Listener
from .player import Player
from .recorder import Recorder
from .songlist import SongList
from .waveform import Waveform

__all__ = [
    "Compare",
    "DropZone",
    "KeyField",
    "Listener",
    "Player",
    "Received",
    "Recorder",
    "SongList",
    "Waveform",
    "Words",
]
