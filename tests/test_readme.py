"""What the README says is true: its code runs, its files are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from minimax_nb import session as session_module
from tests.support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_python_block_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session_module, "_default", None)
    shell = InteractiveShell()
    blocks = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == README.count("```python") > 3
    for block in blocks:
        shell.run_cell(block).raise_error()
    assert (tmp_path / "my_song.mp3").stat().st_size > 100_000


def spoken(path: Path) -> Iterator[str]:
    """The texts in a Python file that are values: what may reach a person, so no comments and no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def test_the_messages_it_explains_are_the_ones_people_read() -> None:
    package = ROOT / "minimax_nb"
    texts = [text for path in package.rglob("*.py") for text in spoken(path)]
    texts += [path.read_text(encoding="utf-8") for path in package.rglob("*.js")]
    table = README.split("## When something goes wrong")[1].split("\n## ")[0]
    explained = [
        cell for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE) for cell in re.findall("`(.+?)`", row)
    ]
    assert len(explained) >= 15
    of_others = {"Error displaying widget", "MusicStudio(children=...", "Loading widget..."}
    ours = [re.split(r"HTTP \d+", message)[0] for message in explained if message not in of_others]
    assert not [message for message in ours if not any(message in text for text in texts)]


def test_what_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for module in re.findall(r"`((?:minimax_nb|tests|\.ci)/[\w/.]+)`", README):
        assert (ROOT / module).exists(), module


def test_it_lists_every_notebook() -> None:
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"(notebooks/{notebook.name})" in README


def test_its_links_within_the_page_lead_to_a_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)$", README, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings
