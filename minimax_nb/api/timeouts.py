"""How long everything may take, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """How long a session waits for what, in seconds; tests pass shorter ones.

    Attributes
    ----------
    connect : float
        For a connection.
    response : float
        For the response to a request that costs nothing.
    submit : float
        For the response to a submit; the provider's own example took 4.5 to 7 s.
    download : float
        For the audio of a song.
    longest_pause : float
        Before a request is repeated, whatever pause the service named.
    database : float
        For another process that writes to the library.
    tick : float
        Between two moments at which whoever waits may show the time or stop.
    poll : float or None
        Between two polls of a hosted song; None: as the schedule says.
    rehearsal_poll : float
        Between two polls of a rehearsed song.
    logs, rehearsal_logs : float
        Between two readings of the usage logs, which take 200 requests a minute.
    fresh : float
        A song that the service does not know yet may be younger than this.
    stuck : float
        `Session.recover` gives up songs that cannot be polled after this time.
    """

    connect: float = 10.0
    response: float = 30.0
    submit: float = 180.0
    download: float = 900.0
    longest_pause: float = 3600.0
    database: float = 30.0
    tick: float = 0.2
    poll: float | None = None
    rehearsal_poll: float = 0.4
    logs: float = 10.0
    rehearsal_logs: float = 0.5
    fresh: float = 30.0
    stuck: float = 15.0

    @property
    def longest_submit(self) -> float:
        """When a submit has surely ended: waiting as told, sending, and waiting for the response."""
        return 3 * self.submit
