"""What installing this package asks for."""

from __future__ import annotations

import inspect
import operator
import os
import re
import subprocess
import sys
from enum import Enum
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import minimax_nb
from tests.support import ROOT

PINS = dict(
    line.split("==")
    for line in (Path(__file__).parent / "data" / "colab-pins.txt").read_text().splitlines()
    if "==" in line
)

NEW_TO_COLAB = {"jupyter-ui-poll", "espeakng-loader", "py-nanotts", "pyworld-prebuilt"}
"""What is installed there along with this package, and changes nothing."""


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


# The notebooks ask for two extras as well.
ASKED_THERE = [
    text
    for text in metadata.requires("minimax_nb") or []
    if "extra ==" not in text or "'plot'" in text or "'voice'" in text
]


@pytest.mark.parametrize("text", ASKED_THERE)
def test_every_requirement_admits_what_colab_has_installed(text: str) -> None:
    requirement = Requirement(text)
    installed = {canonical(name): version for name, version in PINS.items()}
    if canonical(requirement.name) in NEW_TO_COLAB:
        assert canonical(requirement.name) not in installed
        return
    assert requirement.specifier.contains(installed[canonical(requirement.name)])


USER = """\
from minimax_nb import MusicStudio, Timeline, generate, models, songs, submit, wait, watch

song = submit("la", "a.mp3", tempo=92, key="A minor", language="en", seed=7)
reveal_type(song)
reveal_type(wait(song))
reveal_type(wait([song, song.id]))
reveal_type(generate(model="google/lyria2", style="calm piano", format="wav"))
reveal_type(MusicStudio().songs)
reveal_type(songs()[0].timeline)
reveal_type(watch(song))
reveal_type(models()[0].name)
submit("la", "a.mp3", tempi=92)
submit("la", "a.mp3", tempo="fast")
"""

REVEALED = [
    "minimax_nb.song.Song",
    "minimax_nb.song.Song",
    "list[minimax_nb.song.Song]",
    "minimax_nb.song.Song",
    "tuple[minimax_nb.song.Song, ...]",
    "minimax_nb.audio.timeline.Timeline | None",
    "typing.AsyncGenerator[minimax_nb.song.Song, None]",
    "str",
]


def test_a_type_checker_knows_what_a_user_holds(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "user.py"]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=170)
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert [each.replace("builtins.", "") for each in revealed] == REVEALED, done.stdout
    errors = [line for line in done.stdout.splitlines() if " error: " in line]
    assert len(errors) == 2, done.stdout
    assert 'Unexpected keyword argument "tempi"' in errors[0]
    assert '"tempo"' in errors[1]


def public() -> list[str]:
    """The functions and classes at the door, errors aside."""
    named = {name: getattr(minimax_nb, name) for name in minimax_nb.__all__}
    return [name for name, value in named.items() if not (isinstance(value, type) and issubclass(value, Exception))]


@pytest.mark.parametrize("name", [*public(), "Song.save", "Song.player", "Song.plot"])
def test_every_public_name_is_documented(name: str) -> None:
    value = operator.attrgetter(name)(minimax_nb)
    text = inspect.getdoc(value) or ""
    assert text.splitlines()[0].endswith("."), "a summary is one sentence"
    if inspect.isclass(value):
        assert "Attributes\n" in text or "Parameters\n" in text or issubclass(value, Enum)
        return
    parameters = [each for each in inspect.signature(value).parameters if each != "self"]
    assert not parameters or "Parameters\n---" in text
    assert "Returns\n---" in text
    assert "Examples\n---" in text
    missing = [each for each in parameters if not re.search(rf"^(.*, )?(\*\*)?{each}(,.*)?( : .*)?$", text, re.M)]
    assert not missing
