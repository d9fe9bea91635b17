"""The house stands: imports go one way, the door shows what it says, importing is cheap."""

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

import minimax_nb
import minimax_nb.errors

PACKAGE = Path(minimax_nb.__file__).parent
README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")

# Each room may import from the rows above its own, and from nothing else of this package.
ROOMS = """
errors
audio catalogue lyrics
song
reference api library display
hosts
settings options
rehearsal tracking
session
diagnosis
classroom
studio magic cli
"""
# Inside a folder each module may import from those before it.
INSIDE = {
    "audio": "timeline mpeg kinds riff channels view window decoders recording excerpt songs tags",
    "api": "timeouts key responses connection transport download client keys",
    "classroom": "access sheet handing_in listening report readiness minting commands",
    "display": "environment progress servers waiting table card picture plot page",
    "hosts": "guard pages links host file_server tunnel bucket open_links arrival choice",
    "library": "storage schema budget drive journal",
    "rehearsal": "band server launcher __main__ guest executors room",
    "rehearsal/band": "request syllables form composer grooves instruments style mixer encoder voice speech pico "
    "vocoder singer analysis performance",
    "rehearsal/server": "responses encodings fault_audio faults rules request_body job_store keys turns worker "
    "handed_in room_rules context handler generation account model_list key_calls gallery control app",
    "studio": "take state html ui samples components draft runner cards studio gallery",
    "studio/cards": "service upload reference lyrics draft song compare takes",
    "studio/components": "component chunks receiver dropzone recorder keyfield listener player waveform karaoke "
    "compare songlist",
    "tracking": "learning limits schedule pollers logs steps services tracker",
}
PICTURES = {"": ROOMS.strip().split("\n"), **{folder: line.split() for folder, line in INSIDE.items()}}
# Imports inside functions that go down the picture, each with its reason.
LAZY = {
    ("tracking", "rehearsal"),  # a rehearsal service is started only when a song is rehearsed
    ("song", "display"),  # a song shows itself
    ("song", "classroom"),  # and is handed in by itself
    ("classroom", "studio"),  # a gallery shows itself
}


def imports(path: Path) -> Iterator[tuple[list[str], bool]]:
    """Everything a module imports from this package, as a path from the package down; and whether in a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ".".join(path.relative_to(PACKAGE.parent).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package).split(".")
            yield from (
                ([*base[1:], name.name], node not in tree.body) for name in node.names if base[0] == "minimax_nb"
            )


def edges(folder: str) -> set[tuple[str, str, bool]]:
    """Which part of a folder imports which other part of it; and whether in a function."""
    here, above = PACKAGE / folder, list(Path(folder).parts)
    return {
        (path.relative_to(here).parts[0].removesuffix(".py"), target[len(above)], lazy)
        for path in here.rglob("*.py")
        for target, lazy in imports(path)
        if path != here / "__init__.py" and target[: len(above)] == above
    }


def modules_in(folder: Path) -> set[str]:
    """The modules and folders in a folder, its `__init__.py` aside."""
    packages = {path.parent for path in folder.glob("*/__init__.py")}
    return {path.stem for path in {*folder.glob("*.py"), *packages} if path.name != "__init__.py"}


@pytest.mark.parametrize("folder", PICTURES)
def test_imports_go_up_the_picture_only(folder: str) -> None:
    rank = {name: number for number, row in enumerate(PICTURES[folder]) for name in row.split()}
    allowed = set() if folder else LAZY
    wrong = [
        f"{importer} imports {imported}"
        for importer, imported, lazy in sorted(edges(folder))
        if importer != imported and rank.get(imported, -1) >= rank.get(importer, -1)
        if not (lazy and (importer, imported) in allowed)
    ]
    assert not wrong, "\n".join([*wrong, "but the picture, from the top, is:", *PICTURES[folder]])
    assert modules_in(PACKAGE / folder) == set(rank)


def test_every_folder_has_its_picture() -> None:
    assert {path.parent for path in PACKAGE.rglob("__init__.py")} == {PACKAGE / folder for folder in PICTURES}


def test_the_house_is_small() -> None:
    def chain(room: str) -> list[str]:
        """The longest line of rooms in which each imports the next one."""
        lines = [chain(imported) for importer, imported, lazy in direct if importer == room != imported and not lazy]
        return [room, *max(lines, key=len, default=[])]

    rooms = modules_in(PACKAGE)
    direct = [edge for edge in edges("") if edge[1] in rooms]
    assert len(rooms) <= 20
    longest = max((chain(room) for room in rooms), key=len)
    assert len(longest) <= 10, " > ".join(longest)


def test_the_readme_shows_the_same_picture() -> None:
    table = README.split("## How the code is laid out")[1].split("\n## ")[0]
    rows = [
        " ".join(re.findall(r"`(\w+)(?:\.py|/)`", row)) for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    ]
    assert rows == PICTURES[""]


def names_of(tree: ast.AST) -> set[str]:
    """What a piece of code imports or assigns."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return imported | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def test_the_door_exports_the_public_names_to_people_and_to_type_checkers() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    exported = set(minimax_nb.__all__)
    assert exported == names_of(typed) - {"default_session"}
    assert exported == set(minimax_nb._HOME_OF) | set(minimax_nb._VERBS)
    errors = {
        name
        for name, value in vars(minimax_nb.errors).items()
        if isinstance(value, type) and value.__module__ == "minimax_nb.errors"
    }
    assert errors <= exported
    assert {"play_sample", "analyse", "plot", "run", "doctor", "Timeline", "Line", "Syllable"} <= exported


def test_the_door_shows_its_names_and_no_module_bears_one() -> None:
    for name in minimax_nb.__all__:
        assert getattr(minimax_nb, name) is not None
        with pytest.raises(ImportError):
            importlib.import_module(f"minimax_nb.{name}")
    assert set(minimax_nb.__all__) <= set(dir(minimax_nb))
    with pytest.raises(AttributeError):
        minimax_nb.nonsense  # noqa: B018  (the access is the test)


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_loads_nothing_heavy() -> None:
    heavy = {"numpy", "IPython", "ipywidgets", "tornado", "soundfile", "soxr", "matplotlib"}
    assert not modules_after("import minimax_nb") & (heavy | {"requests", "sqlite3"})
    assert not modules_after("from minimax_nb import submit, retrieve, wait, generate, recover, songs") & heavy
