"""Whose turn it is: a song of each student, one student after the other."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """The songs that wait, in the order in which they are taken: round robin between those who requested them.

    Used from the HTTP loop and from the workers at once.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[str]] = {}
        self._changed = threading.Condition()

    def add(self, student: str, song: str) -> None:
        """Put a song behind the others of its student, and a student who had none behind the other students."""
        with self._changed:
            self._waiting.setdefault(student, deque()).append(song)
            self._changed.notify()

    def take(self) -> str:
        """Return the next song; wait for one if there is none."""
        with self._changed:
            while not self._waiting:
                self._changed.wait()
            student = next(iter(self._waiting))
            songs = self._waiting.pop(student)
            song = songs.popleft()
            if songs:
                self._waiting[student] = songs
            return song

    def ahead(self, song: str) -> int | None:
        """Return how many songs are taken before this one; None when it waits no more."""
        with self._changed:
            lines = [list(songs) for songs in self._waiting.values()]
        rounds = range(max(map(len, lines), default=0))
        order = [songs[turn] for turn in rounds for songs in lines if turn < len(songs)]
        return order.index(song) if song in order else None
