"""Songs as a page: its files and their names, what is in it and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from minimax_nb import InvalidInput, LibraryError, MusicError, Session, Song, Status
from minimax_nb.audio.timeline import Line, Syllable, Timeline
from minimax_nb.display.page import Entry, export
from minimax_nb.song import SongRequest
from tests.support.service import audio_bytes

TITLES = {
    "Side by side, through thick and thin": "01-side-by-side-through-thick-and-thin.mp3",
    'CON: <b>"aux"</b> | a/b\\c?*': "02-con-b-aux-b-a-b-c.mp3",
    "雨の窓": "03-song.mp3",
    "Größe, don't ’stop’ é": "04-grosse-dont-stop-e.mp3",
    "la " * 60: "05-" + ("la-" * 20)[:-1] + ".mp3",
    "../../.ssh/id": "06-ssh-id.mp3",
}


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / "minimax_nb-0123456789abcdef.mp3"
    path.write_bytes(audio_bytes(2))
    return path


def test_the_names_of_its_files_are_safe_everywhere(audio: Path, tmp_path: Path) -> None:
    page = export([Entry(title, audio) for title in TITLES], tmp_path / "page")
    assert sorted(path.name for path in page.parent.iterdir()) == sorted([*TITLES.values(), "index.html"])
    assert all((page.parent / name).read_bytes() == audio.read_bytes() for name in TITLES.values())
    text = page.read_text(encoding="utf-8")
    assert all(f'src="{name}"' in text for name in TITLES.values())
    assert "<b>" not in text
    assert "CON: &lt;b&gt;&quot;aux&quot;" in text


def test_whatever_people_write_is_text(audio: Path, tmp_path: Path) -> None:
    bad = "</div><script>alert(1)</script>\" onload='x' & <img src=x>"
    line = Line((Syllable(bad, 0.0, 1.0),))
    entries = [
        Entry(bad, audio, by=bad, facts=bad, note=bad, lyrics=f"one\n{bad}"),
        Entry("Timed", audio, timeline=Timeline((line,), bad)),
    ]
    text = export(entries, tmp_path / "page", title=bad).read_text(encoding="utf-8")
    assert text.count("<script>") == 1
    assert text.count("</script>") == 1
    assert "<img" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 8


def test_nobodys_files_are_overwritten_without_a_word(audio: Path, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("mine")
    with pytest.raises(LibraryError, match=r"index\.html is in .*page already, and nothing was written") as caught:
        export([Entry("La", audio)], folder)
    assert "overwrite=True" in caught.value.do
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    assert (folder / "index.html").read_text() == "mine"
    (folder / "notes.txt").write_text("mine too")
    export([Entry("La", audio)], folder, overwrite=True)
    assert "La" in (folder / "index.html").read_text()
    assert (folder / "notes.txt").read_text() == "mine too"


def test_where_it_cannot_be_written_nothing_is_left(audio: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="cannot be written"):
        export([Entry("La", audio), Entry("Gone", tmp_path / "gone.mp3")], tmp_path / "page")
    assert list((tmp_path / "page").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="cannot be written"):
        export([Entry("La", audio)], tmp_path / "file" / "page")
    with pytest.raises(InvalidInput, match="no song to export"):
        export([], tmp_path / "none")


def finished(session: Session, audio: Path, name: str, **more: object) -> Song:
    request = SongRequest("minimax-music", f"{name}\nla la", "", "my voice.wav, 0:20")
    song = Song(
        f"minimax_nb-{name}", Status.COMPLETED, datetime.now(UTC), f"generation-{name}", "minimax-music", request
    )
    return session.journal.add(replace(song, path=audio, duration=125.0, cost_usd=0.035, **more))  # type: ignore[arg-type]


def test_favourites_are_exported_without_ids_costs_and_keys(home: Path, tmp_path: Path) -> None:
    session = Session(api_key="sk-never-on-a-page-0123")
    audio = home / "songs" / "minimax_nb-file.mp3"
    audio.parent.mkdir(parents=True)
    audio.write_bytes(audio_bytes(2))
    first, second, third = (finished(session, audio, name) for name in ("one", "two", "three"))
    with pytest.raises(InvalidInput, match="no song to export"):
        session.export(tmp_path / "none")
    session.label(first, starred=True, note="a private note")
    session.label(third, starred=True, name="The third")
    page = session.export(tmp_path / "page", title="Our songs")
    text = page.read_text(encoding="utf-8")
    assert [path.name for path in sorted(page.parent.glob("*.mp3"))] == ["01-one.mp3", "02-the-third.mp3"]
    assert "2:05 · minimax-music · 20" in text
    for hidden in ("generation-", "minimax_nb-", "0.035", "sk-never", "private note", "my voice", str(home)):
        assert hidden not in text, hidden
    text = session.export(tmp_path / "other", [second, first.id], notes=True).read_text(encoding="utf-8")
    assert text.index("two") < text.index("a private note")
    session.journal.add(replace(second, request_id="open", id="open", status=Status.QUEUED, path=None))
    with pytest.raises(MusicError, match="not completed"):
        session.export(tmp_path / "open", ["open"])
    audio.unlink()
    with pytest.raises(LibraryError, match="the file is gone"):
        session.export(tmp_path / "gone", [first])
