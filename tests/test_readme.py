"""What the README says is true: its code runs, its files are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from minimax_nb import session as session_module

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_python_block_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session_module, "_default", None)
    shell = InteractiveShell()
    blocks = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 8
    for block in blocks:
        shell.run_cell(block).raise_error()
    assert (tmp_path / "my_song.mp3").stat().st_size > 100_000


def test_the_messages_it_explains_are_the_ones_people_read() -> None:
    files = [path for path in (ROOT / "minimax_nb").rglob("*") if path.suffix in (".py", ".js")]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    table = README.split("## When something goes wrong")[1].split("## How your money")[0]
    read = [
        cell for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE) for cell in re.findall("`(.+?)`", row)
    ]
    assert len(read) >= 15
    of_others = {"Error displaying widget", "MusicStudio(children=...", "Loading widget..."}
    said = [re.split(r"HTTP \d+", message)[0] for message in read if message not in of_others]
    assert not [message for message in said if message not in code]


def test_what_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for module in re.findall(r"`((?:minimax_nb|tests|\.ci)/[\w/.]+)`", README):
        assert (ROOT / module).exists(), module
    table = README.split("## How the code is laid out")[1].split("A click becomes sound")[0]
    named = set(re.findall(r"`([\w]+)(?:\.py|/)`", table))
    present = {path.stem for path in (ROOT / "minimax_nb").iterdir() if not path.name.startswith((".", "_"))}
    assert named >= present, present - named
