"""The house stands: imports go one way, the door shows what it says, importing is cheap."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minimax_nb

PACKAGE = Path(minimax_nb.__file__).parent

# A module may import from the rows above its own, and from nothing else of this package.
ROWS = [
    {"errors", "timeline"},
    {"audio", "catalogue", "library", "lyrics", "owners", "surroundings", "urls"},
    {"card", "picture"},
    {"song"},
    {"arguments", "reference", "answers", "keys", "pacing", "progress", "waiting"},
    {"wire", "colab", "journal", "crew"},
    {"download"},
    {"client"},
    {"services", "lookup", "rehearsal", "following"},
    {"session"},
    {"doctor"},
    {"studio", "magic", "cli"},
    {"__init__"},
]
# The lazy edges, inside functions: a session starts the rehearsal service when it needs one, the command line
# plays a sample, and the studio offers one.
LAZY = {("session", "rehearsal"), ("cli", "rehearsal"), ("studio", "rehearsal")}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path: Path, nodes: list[ast.stmt]) -> set[str]:
    depth = len(path.relative_to(PACKAGE).parts)
    found = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in names}
    return found


def test_imports_go_down_the_rows_only() -> None:
    row_of = {name: number for number, row in enumerate(ROWS) for name in row}
    seen = set()
    for path in PACKAGE.rglob("*.py"):
        if room(path) == "__init__":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        seen.add(room(path))
        for other in imported_rooms(path, [tree]) - {room(path)}:
            if other in row_of and (room(path), other) not in LAZY:
                assert row_of[other] < row_of[room(path)], f"{path.name} imports {other}"
        eager = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        for lazy in LAZY:
            assert room(path) != lazy[0] or lazy[1] not in imported_rooms(path, eager), f"{path.name}: {lazy[1]}"
    assert seen <= set(row_of), f"without a row: {seen - set(row_of)}"


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
