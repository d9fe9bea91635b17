"""Everything that can go wrong, as one tree.

::

    MusicError                    every error of this package; .spent, .song_id, .retry_after
    ├── InvalidInput              also a ValueError; found before anything left this machine
    │   ├── InvalidLyrics         empty, or longer than the model takes
    │   ├── InvalidReference      missing, unreadable, too short, silent
    │   ├── InvalidOption         a model or an option that does not exist
    │   ├── BudgetExceeded        the song would go beyond the session's budget
    │   └── InvalidKey            no key, or not the shape of one
    ├── ServiceError              the service answered, and the answer was no; .http_status
    │   ├── Refused               400: the request is not what the model takes
    │   ├── Unauthorized          401: the key is not valid
    │   ├── NoCredits             403: no credits left, or not allowed
    │   ├── NotFound              404: no such song, model or address
    │   ├── RateLimited           429: too much at once; .retry_after
    │   └── Unavailable           5xx, or an answer that makes no sense
    ├── Unreachable               no connection, or no answer to a free question
    ├── OutcomeUnknown            the song was requested, and no response came
    ├── GenerationFailed          the service could not make the song
    ├── DownloadFailed            the song is made, its file is not here
    ├── WaitTimeout               also a TimeoutError; the song may still be made
    ├── LibraryError              the library on this machine cannot be read or written
    └── RehearsalError            the built-in rehearsal service does not run

A message is three sentences: what happened, whether money was spent, what to do next.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

REPOSITORY = "https://github.com/minimax-nb/minimax_nb"


class Spent(StrEnum):
    """Whether money was spent."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


_MONEY = {
    Spent.NO: "Nothing was spent.",
    Spent.MAYBE: "Money may have been spent.",
    Spent.YES: "The song is paid for.",
}


class MusicError(Exception):
    """Something went wrong, said in words for the person in front of the screen.

    Parameters
    ----------
    what : str
        What happened, as a sentence.
    do : str, optional
        What to do next; each class has an answer of its own.
    spent : Spent, optional
        Whether money was spent; each class knows the usual case.
    song_id : str, optional
        The generation id, or our request id where the service gave none yet.
    retry_after : float, optional
        Seconds to wait before asking again.
    """

    spent = Spent.NO
    do = "Try again."

    def __init__(
        self,
        what: str,
        *,
        do: str | None = None,
        spent: Spent | None = None,
        song_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.what = what
        self.do = self.do if do is None else do
        self.spent = self.spent if spent is None else spent
        self.song_id = song_id
        self.retry_after = retry_after
        super().__init__(what)

    @property
    def money(self) -> str:
        """Whether money was spent, as a sentence."""
        return _MONEY[self.spent]

    def __str__(self) -> str:
        # What a service says of itself often lacks its full stop.
        what = self.what if self.what.endswith((".", "!", "?", "…")) else f"{self.what}."
        return " ".join(part for part in (what, self.money, self.do) if part)


class InvalidInput(MusicError, ValueError):
    """What was given cannot be used; nothing left this machine."""

    do = "Correct it and try again."


class InvalidLyrics(InvalidInput):
    """The lyrics are empty or do not fit the model."""


class InvalidReference(InvalidInput):
    """The reference track cannot be used.

    Attributes
    ----------
    lacking : bool
        Whether it might be read if one more package were installed.
    """

    lacking = False
    do = "Pick a file with music and singing, longer than 15 seconds."


class InvalidOption(InvalidInput):
    """A model or an option that does not exist, or a value outside its limits."""


class InvalidKey(InvalidInput):
    """There is no key, or it does not look like one."""

    do = (
        "Make a key at aimlapi.com/app/keys and put it into the environment variable AIML_API_KEY, "
        "or rehearse for free with MINIMAX_NB_REHEARSE=1."
    )


class BudgetExceeded(InvalidInput):
    """The song would cost more than the session's budget allows; nothing was sent."""

    do = "Wait, or make a Session with a larger budget_usd or budget_songs."


class ServiceError(MusicError):
    """The service rejected the request.

    Attributes
    ----------
    http_status : int
        The HTTP status code of the response.
    fields : tuple of str
        The fields of the request that it names, as they are sent.
    """

    http_status = 0
    fields: tuple[str, ...] = ()
    do = "Try again in a while."


class Refused(ServiceError):
    """The service does not accept the request (400)."""

    http_status = 400
    do = "Correct what the service objects to and try again."


class Unauthorized(ServiceError):
    """The key is not valid (401)."""

    http_status = 401
    do = "Make a key at aimlapi.com/app/keys and put it into the environment variable AIML_API_KEY."


class NoCredits(ServiceError):
    """No credits left, or this key may not do that (403)."""

    http_status = 403
    do = "Top up or raise the key's limit at aimlapi.com/app/billing, then try again."


class NotFound(ServiceError):
    """There is no such song, model or address (404)."""

    http_status = 404
    do = "Check the id: songs() lists those in your library."


class RateLimited(ServiceError):
    """The service asks for a pause (429)."""

    http_status = 429
    do = "Wait a moment and try again."


class Unavailable(ServiceError):
    """The service or one of its partners failed, or its answer makes no sense."""

    http_status = 500


class Unreachable(MusicError):
    """No connection, or no answer to a question that costs nothing."""

    do = "Check the network and try again."


class OutcomeUnknown(MusicError):
    """The song was requested, and no response came."""

    spent = Spent.MAYBE
    do = "Do not request it again yet: recover() looks it up in the service's logs."


class GenerationFailed(MusicError):
    """The service could not make this song; a failed song is not charged."""

    do = "Try again, perhaps with other lyrics or another reference."


class DownloadFailed(MusicError):
    """The song is made, and its file could not be fetched yet."""

    spent = Spent.YES
    do = "recover() downloads it again; that costs nothing."


class WaitTimeout(MusicError, TimeoutError):
    """The deadline passed before the song was there; it may still be made."""

    spent = Spent.YES
    do = "It is in your library: recover() picks it up."


class LibraryError(MusicError):
    """The library on this machine cannot be read or written."""

    do = "Free some space or set MINIMAX_NB_HOME to a folder you can write to, then try again."


class RehearsalError(MusicError):
    """The built-in rehearsal service does not run."""

    do = "Run `minimax-nb rehearse` in a terminal to see why."


def install(extras: str) -> str:
    """Return the command that adds extras such as ``voice``, from where this package was installed from."""
    folder = Path(__file__).parents[1]
    if (folder / "pyproject.toml").exists():
        return f'pip install -e "{folder}[{extras}]"'
    return f'pip install "minimax_nb[{extras}] @ git+{REPOSITORY}"'
