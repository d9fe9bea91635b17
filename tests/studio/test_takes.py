"""The list of takes: favourites on top, names, notes, search, and as many rows as are looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ipywidgets.widgets.widget import _instances

from minimax_nb import MusicStudio, Session, Song, Status
from minimax_nb.song import SongRequest
from minimax_nb.studio.cards.takes import TakeRow
from minimax_nb.studio.components import Listener
from minimax_nb.studio.state import FIRST
from tests.studio.hand import Hand, PageEnd
from tests.support import until
from tests.support.service import Running, audio_bytes


@pytest.fixture
def session() -> Session:
    return Session(rehearse=True)


def library(session: Session, number: int) -> list[Song]:
    """Finished songs, newest first."""
    folder = session.journal.home / "songs"
    folder.mkdir(parents=True)
    (folder / "x.mp3").write_bytes(audio_bytes(2))
    now = datetime.now(UTC) - timedelta(hours=9)
    songs = [
        Song(
            f"r{each}",
            Status.COMPLETED,
            now + timedelta(minutes=each),
            f"g{each}",
            request=SongRequest("minimax-music", f"Song {each}\nla la", "", ""),
            rehearsal=True,
            path=folder / "x.mp3",
            duration=2.0,
        )
        for each in range(number)
    ]
    return [session.journal.add(song) for song in songs][::-1]


def shown(session: Session) -> Hand:
    hand = Hand(MusicStudio(session=session))
    hand.show()
    return hand


def rows(hand: Hand) -> list[TakeRow]:
    """All rows there are, drawn or spare."""
    return [each for each in _instances.values() if isinstance(each, TakeRow)] if hand else []


def titles(takes: list[str]) -> list[str]:
    return [take.split(" 0:02")[0] for take in takes]


def test_favourites_stand_on_a_shelf_on_top(session: Session) -> None:
    library(session, 4)
    hand = shown(session)
    assert hand.shelf == []
    hand.press("Star", 2)
    assert titles(hand.takes) == ["Song 1", "Song 3", "Song 2", "Song 0"]
    assert titles(hand.shelf) == ["Song 1"]
    assert [song.title for song in Session().songs(starred=True)] == ["Song 1"]
    hand.press("Star", 1)
    assert titles(hand.shelf) == ["Song 2", "Song 1"], "newest first"
    hand.press("Remove the star")
    assert titles(hand.shelf) == ["Song 1"]
    assert titles(shown(session).shelf) == ["Song 1"], "in the next kernel"


def test_a_star_that_moves_its_row_gets_the_keyboard_again(session: Session) -> None:
    library(session, 2)
    hand = shown(session)
    page = PageEnd(hand.the(Listener))
    hand.press("Star", 1)
    (message,) = page.sent
    assert message["type"] == "focus"
    name = message["what"].split()[0].removeprefix(".")
    (row,) = [each for each in rows(hand) if name in each._dom_classes]
    assert row.song is not None
    assert row.song.title == "Song 0"


def test_a_take_gets_a_name_and_a_note(session: Session, tmp_path: Path) -> None:
    song = library(session, 2)[1]
    hand = shown(session)
    player = PageEnd(hand.player)
    player.say({"type": "hello"})
    hand.press("Play", 1)
    sent = len(player.sent)
    hand.press("Name and note", 1)
    hand.field("Name").value = '  Rainy <b>"window"</b> '
    hand.field("Note").value = "The bass!\n<i>Twice</i>"
    hand.press("Keep")
    assert not hand.buttons("Keep")
    assert 'Rainy <b>"window"</b> 0:02' in hand.takes[1]
    assert "The bass! <i>Twice</i>" in hand.takes[1]
    assert "<i>" not in hand.html
    assert hand.studio.song is not None
    assert hand.studio.song.title == 'Rainy <b>"window"</b>', "in the song card too"
    assert player.sent[sent:] == [{"type": "name", "name": 'Rainy <b>"window"</b>.mp3'}], "what plays goes on"
    assert session.songs("bass")[0].save(tmp_path).name == "Rainy bwindowb.mp3"
    assert song.path is not None
    assert song.path.exists()


def test_a_name_that_is_too_long_is_said_and_cancelled(session: Session) -> None:
    library(session, 1)
    hand = shown(session)
    hand.press("Name and note")
    hand.field("Name").value = "la " * 50
    hand.press("Keep")
    assert "at most 80 characters" in hand.words
    hand.press("Cancel")
    assert not hand.buttons("Cancel")
    assert titles(hand.takes) == ["Song 0"]
    hand.press("Name and note")
    assert hand.field("Name").value == ""


def test_takes_are_searched(session: Session) -> None:
    songs = library(session, 2 * FIRST)
    session.label(songs[-1], note="with a cello")
    session.label(songs[3], starred=True)
    hand = shown(session)
    before = len(rows(hand))
    hand.field("Search").value = "CELLO"
    assert titles(hand.takes) == ["Song 0"], "though it was not drawn before"
    hand.field("Search").value = "song cello nothing"
    assert hand.takes == []
    assert "No take has these words." in hand.words
    hand.field("Search").value = ""
    assert len(hand.takes) == FIRST
    hand.field("Favourites only").value = True
    assert titles(hand.takes) == [songs[3].title]
    assert len(rows(hand)) == before, "rows are used again"
    hand.press("Remove the star")
    assert "press the star" in hand.words


def test_as_many_rows_as_are_looked_at(session: Session) -> None:
    library(session, 200)
    before = len(_instances)
    hand = Hand(MusicStudio(session=session))
    hand.studio._repr_mimebundle_()
    made = len(_instances) - before
    assert hand.takes == []
    assert made < 120
    assert not [each for each in rows(hand) if each.song and each.song.request_id == "r199" and each in hand.takes]
    hand.press("More takes")
    assert len(hand.takes) == FIRST
    hand.press("More takes")
    assert len(hand.takes) == 2 * FIRST
    for _ in range(200 // FIRST - 2):
        hand.press("More takes")
    assert len(hand.takes) == 200
    assert not hand.buttons("More takes")


def test_an_empty_library_says_what_it_is_for(session: Session) -> None:
    hand = shown(session)
    assert "Every song you make is kept here" in hand.words
    assert not hand.buttons("More takes")
    assert not hand.buttons("Export")


def test_favourites_are_exported_beside_the_notebook(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    library(session, 3)
    hand = shown(session)
    assert hand.button("Export favourites").disabled
    hand.press("Star", 0)
    hand.press("Star", 1)
    hand.press("Export 2 favourites")
    assert sorted(path.name for path in (tmp_path / "songs").iterdir()) == [
        "01-song-0.mp3",
        "02-song-2.mp3",
        "index.html",
    ]
    assert "2 songs are in the folder “songs” beside the notebook. Open its index.html" in hand.words
    hand.field("Search").value = "song 1"
    hand.press("Export 1 take found")
    assert "One song is in the folder “songs 2”" in hand.words
    assert [path.name for path in (tmp_path / "songs 2").glob("*.mp3")] == ["01-song-1.mp3"]
    hand.field("Search").value = ""
    page = hand.studio.export(tmp_path / "from code", title="Ours")
    assert page == tmp_path / "from code" / "index.html"
    assert "<h1" in page.read_text()


def test_what_another_kernel_says_is_seen_when_the_person_comes_back(session: Session) -> None:
    songs = library(session, 3)
    hand = shown(session)
    listener = PageEnd(hand.the(Listener))
    other = Session(rehearse=True)
    other.label(songs[2], starred=True, name="The best")
    other.journal.delete(songs[0])
    listener.say({"type": "back"})
    assert titles(hand.takes) == ["The best", "Song 1"]
    assert titles(hand.shelf) == ["The best"]


def test_two_studios_of_a_kernel_show_the_same(session: Session) -> None:
    library(session, 3)
    one, two = shown(session), shown(Session(rehearse=True))
    one.press("Star", 1)
    assert titles(two.shelf) == ["Song 1"]
    one.press("Delete", 2)
    assert titles(two.takes) == ["Song 1", "Song 2"]
    assert "Its file stays in the library until it is deleted for good." in one.takes[2]
    one.press("Undo")
    assert titles(two.takes) == ["Song 1", "Song 2", "Song 0"]


def test_ones_own_song_stays_when_the_list_is_read_again(service: Running, ready: Hand, session: Session) -> None:
    ready.show()
    ready.generate()
    song = ready.finish()
    until(lambda: len(ready.takes) == 1)
    session.label(song, name="Mine")
    PageEnd(ready.the(Listener)).say({"type": "back"})
    assert len(ready.takes) == 1
    assert ready.takes[0].startswith("Mine")


def test_a_note_is_no_part_of_what_a_notebook_saves(session: Session) -> None:
    song = session.label(library(session, 1)[0], note="a private note")
    assert "a private note" not in json.dumps([repr(song), song._repr_html_()])
    assert replace(song, note="") != song
