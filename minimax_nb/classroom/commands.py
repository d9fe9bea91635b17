"""The command line's `minimax-nb class mint|status|close`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from . import minting, report
from .sheet import NOTEBOOK

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

_EXAMPLES = (
    "  minimax-nb class mint names.txt --name 7b --usd 0.50",
    "  minimax-nb class status --name 7b",
    "  minimax-nb class close --name 7b",
)


def add_class(verbs: Verbs) -> None:
    """Add the command `class` with its three verbs."""
    about = "keys for a class: one for each student with a cap, who has spent what, and the end of all"
    group = verbs.add_parser(
        "class",
        help=about,
        description=f"{about.capitalize()}.",
        epilog="\n".join(["examples:", *_EXAMPLES]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    verb = _add(commands, "mint", "make a key for each student; run again, it adds what is missing", mint)
    verb.add_argument("roster", type=Path, help="a text file with a name on each line")
    verb.add_argument("--usd", type=float, required=True, help="what each may spend, in US dollars")
    verb.add_argument("--folder", type=Path, default=Path(), help="where the two files with the keys go (here)")
    verb.add_argument("--notebook", default=NOTEBOOK, help="the link on the strips")
    verb.add_argument("--yes", action="store_true", help="do not ask")
    _add(commands, "status", "say who has spent what", status)
    _add(commands, "close", "revoke all keys and say what the class cost", close)


def _add(commands: Verbs, name: str, about: str, command: Any) -> argparse.ArgumentParser:
    verb = commands.add_parser(name, help=about, description=f"{about.capitalize()}.", allow_abbrev=False)
    verb.set_defaults(command=command)
    verb.add_argument("--name", required=True, help="of the class, such as 7b")
    verb.add_argument("--rehearse", action="store_true", help="try it with the rehearsal service of this computer")
    return verb


def mint(options: argparse.Namespace) -> None:
    """Make keys."""
    confirm = (lambda _question: True) if options.yes else None
    sheet = minting.mint(
        _read_roster(options.roster),
        options.usd,
        folder=options.folder,
        notebook=options.notebook,
        confirm=confirm,
        **_service(options),
    )
    print(sheet)


def status(options: argparse.Namespace) -> None:
    """Say who has spent what."""
    print(report.status(**_service(options)))


def close(options: argparse.Namespace) -> None:
    """Revoke all keys."""
    print(report.close(**_service(options)))


def _service(options: argparse.Namespace) -> dict[str, Any]:
    return {"name": options.name, "rehearse": options.rehearse or None}


def _read_roster(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text in UTF-8"
        raise InvalidInput(f"{path} cannot be read: {reason}.") from None
