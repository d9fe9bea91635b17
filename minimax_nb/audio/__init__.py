"""Sound files: what they are, how long they last, what is in them; cut and written as mp3."""

from .kinds import NotAudio
from .recording import ENVELOPE_RATE, AudioInfo, read_info, seconds_of, write_excerpt
from .songs import SongFile, check_song

__all__ = [
    "ENVELOPE_RATE",
    "AudioInfo",
    "NotAudio",
    "SongFile",
    "check_song",
    "read_info",
    "seconds_of",
    "write_excerpt",
]
