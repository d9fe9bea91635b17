"""A song as the value of a cell: small in the notebook, and playable where it can be."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient

from minimax_nb.display import card as card_module
from minimax_nb.display.card import play_button, waveform
from minimax_nb.song import Song, Status
from tests.support.service import audio_bytes

VIEW = "application/vnd.jupyter.widget-view+json"

A_SONG = """
from datetime import datetime, timezone
from pathlib import Path
from minimax_nb import Song, Status
song = Song("a", Status.COMPLETED, datetime.now(timezone.utc), path=Path({path!r}), duration=60.0)
"""


@pytest.fixture
def completed(tmp_path: Path) -> Song:
    path = tmp_path / "library" / "song.mp3"
    path.parent.mkdir()
    path.write_bytes(audio_bytes(20))
    return Song("a", Status.COMPLETED, datetime.now(UTC), path=path, duration=20.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the notebook."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_card_is_small_and_plays_what_lies_beside_the_notebook(completed: Song, folder: Path) -> None:
    assert "<audio" not in completed._repr_html_()
    (folder / "my songs").mkdir()
    completed.save(folder / "my songs" / 'a "b": #1.mp3')
    shown = completed._repr_html_()
    assert 'src="my%20songs/a%20%22b%22%3A%20%231.mp3"' in shown
    assert len(shown) < 6000
    assert "base64" not in shown


def test_what_few_want_to_know_is_folded_away(completed: Song) -> None:
    shown = replace(completed, id="906aec79:minimax-music", rehearsal=True)._repr_html_()
    open_part, _, folded = shown.partition("<details>")
    assert "0:20 · rehearsal band · free" in open_part
    for word in ("seed", "906aec79"):
        assert word not in open_part
        assert word in folded
    assert "seed" not in completed._repr_html_()


@pytest.mark.parametrize("name", ["../elsewhere.mp3", ".hidden.mp3"])
def test_what_a_notebook_server_does_not_hand_out_is_not_linked(completed: Song, folder: Path, name: str) -> None:
    completed.save(folder / name)
    assert "<audio" not in completed._repr_html_()


def test_a_library_beside_the_notebook_needs_no_saving(
    completed: Song, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert 'src="library/song.mp3"' in replace(completed, request_id="never saved")._repr_html_()


def test_any_copy_beside_the_notebook_is_played_the_newest_first(completed: Song, folder: Path) -> None:
    assert completed.path is not None
    (folder / "other.mp3").write_bytes(completed.path.read_bytes()[:-1] + b"x")
    (folder / "older.mp3").write_bytes(completed.path.read_bytes())
    os.utime(folder / "older.mp3", (1, 1))
    assert 'src="older.mp3"' in completed._repr_html_()
    completed.save(folder / "newer.mp3")
    assert 'src="newer.mp3"' in replace(completed, request_id="told by nobody")._repr_html_()


def test_a_hidden_library_below_the_notebook_does_not_hide_a_copy(
    completed: Song, tmp_path: Path, folder: Path
) -> None:
    assert completed.path is not None
    hidden = completed.path.parent.rename(folder / ".library")
    moved = replace(completed, path=hidden / completed.path.name)
    assert "<audio" not in moved._repr_html_()
    moved.save(folder)
    assert 'src="Untitled%20song.mp3"' in moved._repr_html_()


def test_outside_of_a_notebook_there_is_no_widget(completed: Song) -> None:
    with pytest.raises(NotImplementedError):
        completed._ipython_display_()


def test_in_colab_it_embeds_and_says_how_much(completed: Song, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_module, "in_colab", lambda: True)
    monkeypatch.setattr(card_module, "in_notebook", lambda: True)
    with pytest.raises(NotImplementedError):
        completed._ipython_display_()
    shown = completed._repr_html_()
    assert "data:audio/mpeg;base64," in shown
    assert f"{len(completed.audio or b'') * 4 / 3 / 1e6:.1f} MB" in shown


def test_a_waveform_shows_where_it_is_loud(completed: Song, tmp_path: Path) -> None:
    assert completed.path is not None
    drawn = waveform(completed.path)
    assert drawn.count("M") == 96
    assert len(drawn) < 4000
    assert waveform(tmp_path / "missing.mp3") == ""
    (tmp_path / "broken.mp3").write_bytes(b"no sound")
    assert waveform(tmp_path / "broken.mp3") == ""


@pytest.mark.kernel
def test_the_folder_of_the_notebook_stays_when_a_cell_goes_elsewhere(completed: Song, tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "elsewhere").mkdir()
    cell = A_SONG.format(path=str(completed.path)) + "song.save('song.mp3')\n%cd ../elsewhere\nsong"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    where = {"metadata": {"path": str(tmp_path / "notebooks")}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    assert 'src="song.mp3"' in notebook.cells[0].outputs[-1].data["text/html"]


@pytest.mark.parametrize("saved", [True, False])
def test_a_notebook_that_was_run_grows_by_little(completed: Song, tmp_path: Path, saved: bool) -> None:
    (tmp_path / "notebooks").mkdir()
    cell = A_SONG.format(path=str(completed.path)) + "song.save('song.mp3')\n" * saved + "song"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    before = len(nbformat.writes(notebook))
    where = {"metadata": {"path": str(tmp_path / "notebooks")}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    outputs = notebook.cells[0].outputs
    assert "<svg" in outputs[0].data["text/html"]
    assert ('src="song.mp3"' in outputs[0].data["text/html"]) is saved
    assert [VIEW in output.data for output in outputs] == ([False] if saved else [False, True])
    assert len(nbformat.writes(notebook)) - before < 50_000


def test_the_button_plays_and_says_when_it_cannot(completed: Song) -> None:
    assert completed.path is not None
    box = play_button(completed.path)
    box.children[0].click()
    (player,) = box.children
    assert isinstance(player, ipywidgets.Audio)
    assert bytes(player.value) == completed.audio
    box = play_button(completed.path)
    completed.path.unlink()
    box.children[0].click()
    assert "cannot be read" in box.children[1].value


def test_no_display_library_is_loaded_before_it_is_needed() -> None:
    code = "from minimax_nb import Song\nimport sys\nprint('IPython' in sys.modules, 'ipywidgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
