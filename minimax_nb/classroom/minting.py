"""One key for each student."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..api.keys import KeyClient, KeyInfo
from ..errors import InvalidInput, InvalidOption, OutcomeUnknown
from .access import ATTEMPTS, keys_of, label, open_client, revoke
from .report import status_of_one
from .sheet import NOTEBOOK, KeyFiles, Seat, Sheet

_MOST_CHARACTERS = 80


def mint(
    roster: Iterable[str],
    usd_each: float,
    *,
    name: str,
    folder: str | os.PathLike[str],
    notebook: str = NOTEBOOK,
    confirm: Callable[[str], bool] | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    rehearse: bool | None = None,
) -> Sheet:
    """Make a key for each student, with a cap, and write them down for printing.

    Run again, it keeps the keys that are in the list and makes those that are missing; a key that got lost on its way
    is revoked and replaced.

    Parameters
    ----------
    roster : iterable of str
        The students' names, each once.
    usd_each : float
        What each may spend, in US dollars.
    name : str
        Of the class, such as "7b".
    folder : path
        Where the two files with the keys go.
    notebook : str
        The link on the strips.
    confirm : callable, optional
        Takes the sum in words and says whether to go on; else the person is asked.
    api_key : str, optional
        A management key; else found as for `Session`. It is kept nowhere.
    base_url, rehearse : optional
        As for `Session`.

    Returns
    -------
    Sheet

    Raises
    ------
    InvalidInput
        When a name or the cap cannot be used, the caps together exceed the balance, or the person said no.
    LibraryError
        When the files cannot be written.
    ServiceError, Unreachable, OutcomeUnknown
        The keys made so far are in the list; run it again.

    Examples
    --------
    >>> sheet = mint(["Mia", "Ben"], 0.50, name="7b", folder="keys of 7b", rehearse=True)  # doctest: +SKIP
    """
    students = _checked_roster(roster, usd_each, name)
    client = open_client(api_key, base_url, rehearse)
    files = KeyFiles(Path(folder).expanduser(), name, client.base_url)
    keys = keys_of(client, name)
    prefixes = {info.prefix for info in keys if not info.disabled}
    kept = {student: key for student, key in files.read().items() if key[:8] in prefixes}
    missing = [student for student in students if student not in kept]
    strangers = unlisted(keys, kept)
    if missing or strangers:
        _check_balance(client, [info for info in keys if info not in strangers], len(missing) * usd_each)
        _confirm(_question(name, len(missing), usd_each, len(strangers)), confirm)
    for student in missing:
        _mint_one(client, files, kept, student, usd_each)
    revoke(client, unlisted(keys_of(client, name), kept))
    seats = tuple(Seat(student, kept[student]) for student in students)
    files.print(seats, usd_each, notebook)
    return Sheet(name, seats, usd_each, len(missing), files.list, files.strips)


def _checked_roster(roster: Iterable[str], usd_each: float, name: str) -> list[str]:
    students = [" ".join(str(student).split()) for student in roster]
    students = [student for student in students if student]
    for text in (name, *students):
        if not text.isprintable() or not 0 < len(text) <= _MOST_CHARACTERS:
            raise InvalidInput(f"{text[:_MOST_CHARACTERS]!r} cannot be the name of a class or student.")
    if ":" in name:
        raise InvalidInput("The name of a class cannot hold a colon: what follows one is the student.")
    twice = sorted({student for student in students if students.count(student) > 1})
    if twice or not students:
        problem = (
            f"These stand in the roster more than once: {', '.join(twice)}." if twice else "The roster is empty."
        )
        raise InvalidInput(problem, do="Give each student one name, perhaps with an initial.")
    if isinstance(usd_each, bool) or not isinstance(usd_each, int | float) or not 0 < usd_each < 10_000:
        raise InvalidOption(
            "usd_each must be an amount in US dollars.", do="A song costs a few cents: 1.00 is usual."
        )
    return students


def unlisted(keys: Iterable[KeyInfo], known: Mapping[str, str]) -> list[KeyInfo]:
    """The keys of a class that are not in its list: nobody can have been given them, or their list is lost."""
    prefixes = {key[:8] for key in known.values()}
    return [info for info in keys if info.prefix not in prefixes]


def _check_balance(client: KeyClient, kept: Iterable[KeyInfo], new_usd: float) -> None:
    """Check that the new caps, and what is left on the old keys, do not exceed what is there."""
    balance = client.balance()
    left = sum((info.limit_usd or 0) - status_of_one(client, info).spent_usd for info in kept)
    if balance is not None and new_usd + left > balance:
        promised = f" besides ${left:.2f} on keys that exist" if left else ""
        raise InvalidInput(
            f"The new keys together could spend ${new_usd:.2f}{promised}, and the balance is ${balance:.2f}.",
            do="Lower the cap, or top up at https://aimlapi.com/app/billing.",
        )


def _question(name: str, new: int, usd_each: float, strangers: int) -> str:
    question = f"Make {new} keys for {name}, each for up to ${usd_each:.2f}, ${new * usd_each:.2f} in all?"
    if not strangers:
        return question
    return f"{strangers} keys of {name} are not in the list in this folder and will be revoked. {question}"


def _confirm(question: str, confirm: Callable[[str], bool] | None) -> None:
    if not (confirm or _ask)(question):
        raise InvalidInput("No keys were made.", do="Run it again and answer yes.")


def _ask(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _mint_one(client: KeyClient, files: KeyFiles, kept: dict[str, str], student: str, usd_each: float) -> None:
    """Make one key and write it into the list; one that cannot be written down is revoked."""
    name = label(files.name, student)
    for attempt in range(ATTEMPTS):
        # One whose response got lost, now or when this ran before, bears this name as well.
        revoke(client, [info for info in client.given() if info.name == name])
        try:
            minted = client.mint(name, usd_each)
            break
        except OutcomeUnknown:
            if attempt == ATTEMPTS - 1:
                raise
    try:
        files.write({**kept, student: minted.key})
    except BaseException:
        revoke(client, [minted.info])
        raise
    kept[student] = minted.key
