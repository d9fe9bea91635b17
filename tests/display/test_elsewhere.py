"""A notebook that nobody sits in front of, or that somebody else opens: it runs to its end, and can be read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.service import audio_bytes, running_service

pytestmark = pytest.mark.kernel

STUDIO = """
from minimax_nb import MusicStudio, Session
session = Session(rehearse=True)
MusicStudio("La la la", "reference.mp3", session=session)
"""
SONG = """
song = session.generate("[Verse]\\nSide & side\\n\\nWe always win", "reference.mp3")
song
"""
SAVED = "song.save('song.mp3')\n%cd -q /\nsong"
RUNNERS = {
    "nbconvert": ["nbconvert", "--to", "notebook", "--execute", "mine.ipynb", "--output", "done.ipynb"],
    "papermill": ["papermill", "mine.ipynb", "done.ipynb"],
}


class Text(HTMLParser):
    """What a page says, without its styles and scripts; and what it plays."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.plays, self._hidden = "", list[str](), False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("style", "script")
        if tag == "audio":
            self.plays.append(dict(attributes).get("src") or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        self.words += "" if self._hidden else data


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Iterator[Path]:
    """A folder with a notebook and its reference, on a computer whose rehearsals take no time."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "reference.mp3").write_bytes(audio_bytes(20))
    magic = ["%load_ext minimax_nb", "%%song reference.mp3 --rehearse --name other\nLa la la"]
    cells = [STUDIO, SONG, *magic, SAVED, "session.songs()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "mine.ipynb")
    with running_service(home):
        yield folder


def run(folder: Path, module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("runner", RUNNERS)
def test_it_runs_to_its_end_and_can_be_read(runner: str, folder: Path) -> None:
    said = run(folder, *RUNNERS[runner])
    assert "Traceback" not in said
    notebook = nbformat.read(folder / "done.ipynb", as_version=4)
    outputs = [cell.outputs for cell in notebook.cells]
    assert not [output for cell in outputs for output in cell if output.output_type == "error"]
    assert "run this cell to make a song" in outputs[0][-1].data["text/plain"]
    assert 'src="song.mp3"' in outputs[4][-1].data["text/html"]

    run(folder, "nbconvert", "--to", "html", "done.ipynb")
    page = Text((folder / "done.html").read_text(encoding="utf-8"))
    assert page.words.count("Side & side") >= 3  # in the cell, two cards and the table
    assert "0:02 · rehearsal band · free" in page.words
    assert page.plays == ["song.mp3"]


def test_a_notebook_with_twenty_shown_songs_stays_small(tmp_path: Path) -> None:
    file = tmp_path / "library" / "song.mp3"
    file.parent.mkdir()
    file.write_bytes(audio_bytes(60))
    code = f"""
from datetime import datetime, timezone
from pathlib import Path
from minimax_nb import Song, SongRequest, Status
request = SongRequest("minimax-music", "la la la" * 60, "", "")
song = Song("a", Status.COMPLETED, datetime.now(timezone.utc), path=Path({str(file)!r}), request=request)
"""
    cells = [nbformat.v4.new_code_cell(each) for each in [code, *["song"] * 20]]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.write(notebook, tmp_path / "songs.ipynb")
    text = (tmp_path / "songs.ipynb").read_text(encoding="utf-8")
    assert text.count('class=\\"mnb-song-card\\"') == 20
    assert len(text) <= 200_000
