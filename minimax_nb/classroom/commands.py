"""The command line's `minimax-nb class mint|status|close` and `minimax-nb room`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..library.storage import locate
from . import minting, report
from .sheet import NOTEBOOK

if TYPE_CHECKING:
    from ..rehearsal.launcher import Address

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

_EXAMPLES = (
    "  minimax-nb class mint names.txt --name 7b --usd 0.50",
    "  minimax-nb class status --name 7b",
    "  minimax-nb class close --name 7b",
)
_ROOM_EXAMPLES = (
    "  minimax-nb room",
    "  minimax-nb room --host 0.0.0.0 --certfile room.pem --keyfile room.key",
    "  minimax-nb room --cluster tcp://scheduler:8786",
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


def add_room(verbs: Verbs) -> None:
    """Add the command `room`."""
    verb = verbs.add_parser(
        "room",
        help="open a room: one rehearsal service for all students of this computer, network or JupyterHub",
        description="Open a room: one rehearsal service for all students of this computer, network or JupyterHub.",
        epilog="\n".join(["examples:", *_ROOM_EXAMPLES]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.set_defaults(command=room)
    verb.add_argument("--host", default="127.0.0.1", help="beyond this computer only with a certificate (127.0.0.1)")
    verb.add_argument("--port", type=int, default=8787, help="0: any free one (8787)")
    verb.add_argument("--processes", type=int, default=0, help="songs made at once (one for each core)")
    verb.add_argument("--cluster", default="", metavar="ADDRESS", help="the scheduler of a Dask cluster")
    verb.add_argument("--certfile", default="", help="the certificate for TLS")
    verb.add_argument("--keyfile", default="", help="its key")


def room(options: argparse.Namespace) -> None:
    """Open a room and say how students come in, until interrupted."""
    from ..rehearsal.room import RoomOptions, serve_room

    names = ("host", "port", "processes", "cluster", "certfile", "keyfile")
    home = locate(os.environ.get("MINIMAX_NB_HOME")).database
    serve_room(home, RoomOptions(**{name: getattr(options, name) for name in names}), ready=_say_open)


def _say_open(address: Address) -> None:
    if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
        print(f"The room is open behind the proxy of JupyterHub, at {address.base_url}.", flush=True)
        return
    who = "others in the network, over TLS" if address.base_url.startswith("https:") else "this computer alone"
    print(f"The room is open for {who}. Students set, before Jupyter starts:")
    print(f"  MINIMAX_NB_ROOM={address.base_url}")
    print("gallery() in a notebook of this account shows what they hand in. Ctrl-C closes the room.", flush=True)


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
