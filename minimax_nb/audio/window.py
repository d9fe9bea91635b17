"""The stretch of a track that is kept while it goes by: the liveliest one, or the one that is requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ENVELOPE_RATE = 10
"""Levels a second."""


class Window:
    """Keeps the best stretch seen so far and the latest one, so that length costs no memory.

    Lively is loud and moving: the sum of the level and of its changes.

    Parameters
    ----------
    seconds : float
        How long the stretch is.
    start : float, optional
        Where it begins, in seconds; else where the track is liveliest.

    Attributes
    ----------
    levels : list of float
        The level of everything that went by, `ENVELOPE_RATE` values a second.
    """

    def __init__(self, seconds: float, start: float | None = None) -> None:
        self._span = round(seconds * ENVELOPE_RATE)
        self._given = None if start is None else max(0, int(start * ENVELOPE_RATE))
        self._best = self._given or 0
        self._score = self._most = 0.0
        self._motion: list[float] = []
        self._kept: dict[int, np.ndarray] = {}
        self.levels: list[float] = []

    @property
    def passed(self) -> bool:
        """Whether all that was requested has gone by."""
        return self._given is not None and len(self.levels) > self._given + self._span

    @property
    def start(self) -> float:
        """Where the best stretch begins, in seconds."""
        return self._best / ENVELOPE_RATE

    def add(self, level: float, samples: np.ndarray) -> None:
        """Let the next tenth of a second go by.

        Parameters
        ----------
        level : float
        samples : numpy.ndarray
            Shape (n, channels); kept as it is.
        """
        now = len(self.levels)
        self._motion.append(level + abs(level - self.levels[-1]) if self.levels else level)
        self.levels.append(level)
        if self._given is not None:
            if self._given <= now <= self._given + self._span:
                self._kept[now] = samples
            return
        self._kept[now] = samples
        self._score += self._motion[now]
        if now < self._span:
            self._most = self._score
            return
        self._score -= self._motion[now - self._span]
        first = now - self._span + 1
        if self._score > self._most + 1e-9:
            for old in range(self._best, min(first, self._best + self._span)):
                self._kept.pop(old, None)
            self._best, self._most = first, self._score
        elif first - 1 >= self._best + self._span:
            self._kept.pop(first - 1, None)

    def take(self) -> list[np.ndarray]:
        """Give away what the best stretch holds."""
        kept, self._kept = self._kept, {}
        end = self._best + self._span + (self._given is not None)
        return [samples for number, samples in sorted(kept.items()) if self._best <= number < end]
