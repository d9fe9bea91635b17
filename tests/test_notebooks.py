"""The shipped notebooks: clean as they lie there, and Run All works with no key, no network and no click."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support import ROOT
from tests.support.home import end_rehearsal
from tests.support.service import running_service

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REPOSITORY = re.findall(r'^Repository = "https://github\.com/(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[0]
COLAB = "MINIMAX_NB_COLAB_PYTHON"
NOBODY = "http://127.0.0.1:9"
"""A proxy that nobody is at: what goes through it arrives nowhere."""

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@every_notebook
def test_it_is_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(cell.get("id") for cell in notebook.cells)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@every_notebook
def test_it_opens_and_installs_from_the_one_repository(path: Path) -> None:
    title, install = nbformat.read(path, as_version=4).cells[:2]
    assert f"(https://colab.research.google.com/github/{REPOSITORY}/blob/main/notebooks/{path.name})" in title.source
    assert f'%pip install --quiet "minimax_nb[plot,voice] @ git+https://github.com/{REPOSITORY}"' in install.source
    first = nbformat.read(NOTEBOOKS[0], as_version=4).cells[1].source
    # The first one goes on in the same cell: one cell, one click.
    assert first.startswith(install.source) if path != NOTEBOOKS[0] else first.endswith("\nstudio")
    for word in ("-U", "--upgrade", "--force-reinstall"):
        assert word not in install.source


@every_notebook
def test_what_it_links_to_is_there(path: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, on a computer without a network."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "folder"
    yield folder
    for rehearsal in folder.glob("*/*/rehearsal"):
        end_rehearsal(rehearsal.parent)


@pytest.fixture
def colab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of this name, with Google Colab's packages."""
    python = os.environ.get(COLAB)
    if not python:
        why = f"{COLAB} names no Python with Google Colab's packages"
        (pytest.fail if os.environ.get("MINIMAX_NB_REQUIRE_BROWSER") == "1" else pytest.skip)(why)
    spec = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Colab"}
    place = tmp_path / "jupyter" / "kernels" / "colab"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps({**spec, "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


@pytest.mark.kernel
@pytest.mark.parametrize("kernel", ["python3", "colab"])
def test_run_all(kernel: str, folder: Path, home: Path, request: pytest.FixtureRequest) -> None:
    if kernel == "colab":
        request.getfixturevalue("colab")
    with running_service(home):  # in its own library, the one for teachers has the real band
        problems = asyncio.run(run_all(folder, kernel))
    assert not problems


async def run_all(folder: Path, kernel: str) -> dict[str, BaseException]:
    """Run all of them side by side, which is quicker; return what went wrong."""
    runs = [run(path, folder / path.stem, kernel) for path in NOTEBOOKS]
    outcomes = await asyncio.gather(*runs, return_exceptions=True)
    return {path.stem: outcome for path, outcome in zip(NOTEBOOKS, outcomes, strict=True) if outcome}


async def run(path: Path, folder: Path, kernel: str) -> None:
    """Run it as a person does, and check that something can be played."""
    folder.mkdir(parents=True)
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}

    def client() -> NotebookClient:
        return NotebookClient(notebook, timeout=120, kernel_name=kernel, resources=resources)

    try:
        await client().async_execute()
    except RuntimeError as error:
        # The ports of a kernel are chosen before it takes them, and another process may have been quicker.
        if "Kernel didn't respond" not in str(error):
            raise
        await client().async_execute()
    said = [output for output in notebook.cells[1].outputs if output["output_type"] == "stream"]
    assert not said, "the first cell has something to say where all is installed"
    assert bool(notebook.cells[1].outputs) is (path == NOTEBOOKS[0]), (
        "the studio is in the first cell of the first one"
    )
    bundles = [output["data"] for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    views = [bundle for bundle in bundles if "application/vnd.jupyter.widget-view+json" in bundle]
    assert views or any("<audio" in bundle.get("text/html", "") for bundle in bundles)
