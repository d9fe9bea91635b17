"""The end of a lesson: songs are handed in to a room, or as files, and heard together."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from minimax_nb import MusicStudio, Session, Song, classroom
from minimax_nb.audio.tags import Tags, read_tags
from minimax_nb.errors import InvalidInput, LibraryError, Refused
from minimax_nb.rehearsal import guest
from minimax_nb.studio.gallery import make_view
from tests.studio.hand import Hand
from tests.support import until
from tests.support.room import RunningRoom, running_room
from tests.support.service import HASTY, audio_bytes, running_service

WORDS = "Ding & dong,\n\nding"


@pytest.fixture(scope="module")
def open_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRoom]:
    with running_room(tmp_path_factory.mktemp("teacher"), "--processes", "1") as room:
        yield room


@pytest.fixture
def room(open_room: RunningRoom, monkeypatch: pytest.MonkeyPatch) -> RunningRoom:
    monkeypatch.setenv("MINIMAX_NB_ROOM", open_room.address.base_url)
    monkeypatch.setattr(guest, "_found", {})
    open_room.ask("DELETE", "/rehearsal/gallery")
    return open_room


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "reference.mp3"
    path.write_bytes(audio_bytes(20))
    return path


def student(monkeypatch: pytest.MonkeyPatch, home: Path, reference: Path) -> Song:
    """A song of another library."""
    monkeypatch.setenv("MINIMAX_NB_HOME", str(home))
    return Session(home=home, timeouts=HASTY).generate(WORDS, reference)


def hand_in(room: RunningRoom, key: str, audio: bytes, song: str = "one") -> requests.Response:
    body = {"song": song, "audio": base64.b64encode(audio).decode()}
    return room.ask("POST", "/rehearsal/handed-in", key, json=body)


def test_the_teacher_hears_what_the_class_hands_in(
    room: RunningRoom, tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = student(monkeypatch, tmp_path / "mia", reference)
    assert song.hand_in("  Mia   B. ") == "Handed in as “Mia B.”."
    assert student(monkeypatch, tmp_path / "ben", reference).hand_in("Ben") == "Handed in as “Ben”."
    with pytest.raises(Refused, match="to the teacher alone"):
        classroom.gallery()
    monkeypatch.setenv("MINIMAX_NB_HOME", str(room.home))
    shown = classroom.gallery()
    assert [(each.name, each.title, each.words) for each in shown.songs] == [
        (name, "Ding & dong", WORDS) for name in ("Mia B.", "Ben")
    ]
    assert repr(shown) == "2 songs handed in.\nDing & dong, by Mia B.\nDing & dong, by Ben"
    monkeypatch.delenv("MINIMAX_NB_ROOM")  # in the teacher's own notebook
    assert len(classroom.gallery().songs) == 2
    assert classroom.clear_gallery() == 2
    assert classroom.gallery().songs == ()


def test_handed_in_again_it_takes_the_same_place(
    room: RunningRoom, tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = student(monkeypatch, tmp_path / "mia", reference)
    song.hand_in("Mai")
    song.hand_in("Mia")
    monkeypatch.setenv("MINIMAX_NB_HOME", str(room.home))
    assert [each.name for each in classroom.gallery().songs] == ["Mia"]


def test_a_room_takes_mp3_and_nothing_else(room: RunningRoom) -> None:
    key, mp3 = room.join(), audio_bytes(1)
    for what in (b"", b"no song", audio_bytes(1, kind="WAV"), b"<html>"):
        assert hand_in(room, key, what).status_code == 400
    assert hand_in(room, key, mp3 * (20_000_000 // len(mp3) + 1)).status_code == 413
    assert room.ask("POST", "/rehearsal/handed-in", key, json={"song": "", "audio": ""}).status_code == 400
    assert room.ask("POST", "/rehearsal/handed-in", key, json={"song": "x"}).status_code == 400
    assert hand_in(room, "stranger", mp3).status_code == 401
    assert [hand_in(room, key, mp3, str(number)).status_code for number in range(21)] == [201] * 20 + [409]
    assert hand_in(room, key, mp3, "7").status_code == 201
    assert len(list((room.home / "room" / "handed-in").iterdir())) == 40


def test_only_a_link_of_the_teacher_leads_to_a_song(room: RunningRoom) -> None:
    key = room.join()
    hand_in(room, key, audio_bytes(1))
    (row,) = room.ask("GET", "/rehearsal/gallery").json()["data"]
    assert requests.get(row["url"], timeout=10).status_code == 200
    assert requests.get(row["url"].partition("?")[0], timeout=10).status_code == 404
    assert room.ask("GET", "/rehearsal/gallery", key).status_code == 403
    assert room.ask("DELETE", "/rehearsal/gallery", key).status_code == 403


def test_without_a_room_a_file_goes_to_the_teacher(
    home: Path, tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with running_service(home):
        song = Session(rehearse=True, timeouts=HASTY).generate(WORDS, reference)
    said = song.hand_in("Mia: 1/2")
    (path,) = folder.glob("*.mp3")
    assert path.name in said
    assert read_tags(path.read_bytes()) == Tags("Mia: 1/2", "Ding & dong", WORDS)
    (folder / "other.mp3").write_bytes(audio_bytes(1))
    names = [each.name for each in classroom.gallery(folder).songs]
    assert names == ["Mia: 1/2", "other"]
    with pytest.raises(InvalidInput, match="There is no room here"):
        classroom.gallery()
    with pytest.raises(InvalidInput, match="There is no folder"):
        classroom.gallery(tmp_path / "none")
    with pytest.raises(InvalidInput, match="under a name"):
        song.hand_in(" ")


def test_a_gallery_is_a_page_with_stars_and_names_that_can_wait(tmp_path: Path) -> None:
    songs = []
    for name in ("Mia", "Ben"):
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(audio_bytes(1))
        songs.append(classroom.GallerySong(name, f"Song {len(songs) + 1}", WORDS, path))
    shown = classroom.Gallery(songs, blind=True)
    assert "Mia" not in repr(shown)
    page = shown.export(tmp_path / "blind").read_text(encoding="utf-8")
    assert "Mia" not in page
    assert "Ding &amp; dong" in page
    view = make_view(shown)
    (listed,) = [each for each in view.children[1].children if hasattr(each, "most_stars")]
    assert [row["name"] for row in listed.songs] == ["", ""]
    listed.stars = [0, 4]
    listed.blind = False  # as the page does
    assert shown.stars == {1: 4}
    assert [row["name"] for row in listed.songs] == ["Mia", "Ben"]
    page = shown.export(tmp_path / "open", title="7b").read_text(encoding="utf-8")
    assert "Mia" in page
    assert "★★★★" in page
    assert len(list((tmp_path / "open").glob("*.mp3"))) == 2
    with pytest.raises(LibraryError, match="already"):
        shown.export(tmp_path / "open")


def test_a_studio_hands_in_where_there_is_a_room(room: RunningRoom, reference: Path) -> None:
    hand = Hand(MusicStudio(WORDS, reference, session=Session(timeouts=HASTY)))
    hand.show()
    hand.sees("Rehearsal: free, in your class’s room")
    hand.button("Generate song").click()
    hand.sees("Ready a")
    hand.button("Hand in").click()
    hand.sees("Type your name first")
    hand.field("Your name").value = "Mia"
    hand.button("Hand in").click()
    hand.sees("Handed in as “Mia”.")
    until(lambda: room.ask("GET", "/rehearsal/gallery").json()["data"])


def test_a_studio_without_a_room_has_no_such_button(home: Path, reference: Path) -> None:
    with running_service(home):
        hand = Hand(MusicStudio(WORDS, reference, session=Session(rehearse=True, timeouts=HASTY)))
        hand.show()
        hand.button("Generate song").click()
        hand.sees("Ready a")
        assert not hand.buttons("Hand in")


def test_a_studio_says_how_many_are_before_one(room: RunningRoom, reference: Path) -> None:
    key = room.join()
    others = [room.submit(key, tempo=200).json()["id"] for _ in range(2)]
    hand = Hand(MusicStudio(WORDS, reference, session=Session(timeouts=HASTY)))
    hand.show()
    hand.button("Generate song").click()
    hand.sees("next, about")
    hand.sees("Ready a")
    assert room.retrieve(key, others[0])["status"] == "completed"
