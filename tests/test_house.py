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

# Each room may import from the rows above its own, and from nothing else of this package.
PICTURE = """
errors
audio models timeline
lyrics song
reference display
library
api
settings
rehearsal tracking
session
options doctor
studio magic cli
"""
# Inside a folder each module may import from those before it.
INSIDE = {
    "api": "key addresses responses transport download client",
    "display": "environment progress waiting card plot",
    "library": "leases storage drive journal",
    "rehearsal": "band server launcher __main__",
    "rehearsal/band": "request syllables form composer instruments mixer voice speech vocoder singer analysis "
    "performance",
    "rehearsal/server": "responses request_body job_store worker faults context handlers app",
    "studio": "state html ui samples components announcer runner takes_under_way cards studio",
    "studio/cards": "upload extras reference service song takes",
    "studio/components": "component chunks dropzone keyfield listener waveform karaoke",
    "tracking": "schedule pollers logs tracker",
}
# Imports inside functions that go up, each with its reason.
LAZY = {
    ("session", "rehearsal"),  # a rehearsal service is started only when a song is rehearsed
    ("song", "display"),  # a song shows itself
}


def imported(path: Path, nodes: list[ast.stmt]) -> set[tuple[str, ...]]:
    """The modules of this package that some statements import, as paths from the package down."""
    here = path.relative_to(PACKAGE).parts[:-1]
    found = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = (*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else ()))
        for name in (alias.name for alias in node.names):
            whole = PACKAGE.joinpath(*base, name)
            is_module = whole.with_suffix(".py").exists() or (whole / "__init__.py").exists()
            found.add((*base, name) if is_module else base)
    return found


def misdirected(order: dict[str, int], folder: Path, path: Path) -> list[str]:
    """The imports of a module that do not go up in the picture of its folder."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    eager = imported(path, [node for node in tree.body if isinstance(node, ast.ImportFrom)])
    depth = len(folder.relative_to(PACKAGE).parts)
    me = path.relative_to(folder).with_suffix("").parts[0]
    wrong = []
    for target in imported(path, [tree]):
        inside = target[:depth] == folder.relative_to(PACKAGE).parts and len(target) > depth
        other = target[depth] if inside else me
        if other == me or (depth == 0 and (me, other) in LAZY and target not in eager):
            continue
        if me not in order or other not in order or order[other] >= order[me]:
            wrong.append(f"{path.relative_to(PACKAGE)} imports {'/'.join(target)}")
    return wrong


def test_imports_go_up_the_picture_only() -> None:
    order = {name: number for number, row in enumerate(PICTURE.split("\n")) for name in row.split()}
    modules = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    wrong = [each for path in modules for each in misdirected(order, PACKAGE, path)]
    rooms = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in modules}
    assert not wrong, "\n".join(["", *wrong, "but the picture is:", PICTURE])
    assert rooms == set(order), f"the picture shows {sorted(order)}, and there are {sorted(rooms)}"
    assert len(rooms) <= 20


@pytest.mark.parametrize("name", INSIDE)
def test_inside_a_folder_they_go_in_a_line(name: str) -> None:
    folder = PACKAGE / name
    order = {module: number for number, module in enumerate(INSIDE[name].split())}
    modules = [path for path in folder.rglob("*.py") if path != folder / "__init__.py"]
    wrong = [each for path in modules for each in misdirected(order, folder, path)]
    assert not wrong, "\n".join(["", *wrong, f"but the line is: {INSIDE[name]}"])
    assert {path.relative_to(folder).with_suffix("").parts[0] for path in modules} == set(order)


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
