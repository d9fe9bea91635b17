"""Songs as values: what they show, what they touch."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from IPython.display import Audio

from minimax_nb.audio.timeline import read_timeline
from minimax_nb.errors import LibraryError, MusicError, Spent
from minimax_nb.song import ALLOWED_STEPS, Song, SongRequest, Status, rehearsal_seed


@pytest.fixture
def song() -> Song:
    request = SongRequest("minimax-music", "Side by side\n\nWe win", "##Side by side\n\nWe win##", "a.wav, 0:20", {})
    return Song("minimax_nb-1", Status.QUEUED, datetime.now(UTC), id="x:minimax-music", request=request)


@pytest.fixture
def completed(song: Song, tmp_path: Path) -> Song:
    path = tmp_path / "library" / "song.mp3"
    path.parent.mkdir()
    soundfile.write(path, np.zeros((22050 * 2, 1)), 22050)
    return replace(song, status=Status.COMPLETED, path=path, duration=2.0, model="minimax-music", cost_usd=0.035)


def test_a_song_is_frozen_and_equal_by_value(song: Song) -> None:
    with pytest.raises(FrozenInstanceError):
        song.status = Status.COMPLETED  # type: ignore[misc]
    assert song.request is not None
    with pytest.raises(TypeError):
        song.request.options["seed"] = 1  # type: ignore[index]
    assert pickle.loads(pickle.dumps(song)) == song == copy.deepcopy(song)


def test_a_status_is_its_own_text() -> None:
    assert Status.QUEUED == "queued" == str(Status.QUEUED) == f"{Status.QUEUED}"
    assert set(ALLOWED_STEPS) == set(Status)
    assert {status for status in Status if status.final} == {Status.REFUSED, Status.COMPLETED, Status.FAILED}


def test_what_was_spent_follows_from_where_it_stands(song: Song) -> None:
    spent = {status: replace(song, status=status).spent for status in Status}
    assert {status for status, how in spent.items() if how is Spent.MAYBE} == {Status.SENDING, Status.UNKNOWN}
    assert {status for status, how in spent.items() if how is Spent.NO} == {Status.REFUSED, Status.FAILED}
    assert replace(song, rehearsal=True).spent is Spent.NO


def test_a_finished_song_has_audio_a_player_and_facts(completed: Song, tmp_path: Path) -> None:
    assert completed.path is not None
    assert completed.audio == completed.path.read_bytes()
    player = completed.player()
    assert isinstance(player, Audio)
    assert "data:audio/mpeg;base64," in player._repr_html_()
    assert "autoplay" not in player._repr_html_()
    assert completed.facts.startswith("0:02 · minimax-music · $0.035 · ")
    assert "0.0 MB" in player._repr_mimebundle_()["text/html"]
    assert completed.facts in completed._repr_html_()


def test_saving_copies_the_file_and_names_it_in_a_folder(completed: Song, tmp_path: Path) -> None:
    assert completed.save(tmp_path / "my.mp3").read_bytes() == completed.audio
    assert completed.save(tmp_path) == tmp_path / "Side by side.mp3"
    assert completed.save(tmp_path) == tmp_path / "Side by side 2.mp3"
    with pytest.raises(LibraryError, match="It is safe in"):
        completed.save(tmp_path / "missing" / "my.mp3")


def test_before_it_is_completed_there_is_nothing_to_play(song: Song, tmp_path: Path) -> None:
    assert song.audio is None
    for attempt in (song.player, lambda: song.save(tmp_path)):
        with pytest.raises(MusicError, match=r"queued, not completed.*wait"):
            attempt()
    assert "<audio" not in song._repr_html_()


def test_a_file_that_went_away_is_said(completed: Song) -> None:
    assert completed.path is not None
    completed.path.unlink()
    with pytest.raises(LibraryError):
        completed.audio  # noqa: B018  (the access is the test)
    with pytest.raises(LibraryError):
        completed.player()
    assert "<audio" not in completed._repr_html_()


def test_the_repr_is_short_and_the_html_escapes_what_people_write(song: Song) -> None:
    request = SongRequest("minimax-music", "<script>alert(1)</script>" * 40, "p", "r", {})
    hostile = replace(song, request=request, error="<img src=x onerror=alert(1)>")
    assert len(repr(hostile)) < 200
    assert "<script" not in hostile._repr_html_()
    assert "<img" not in hostile._repr_html_()


def test_the_seed_of_a_rehearsal_follows_the_request_unless_given(song: Song) -> None:
    assert song.seed is None
    rehearsal = replace(song, rehearsal=True)
    assert rehearsal.seed == rehearsal_seed("minimax_nb-1") != rehearsal_seed("minimax_nb-2")
    assert f"seed {rehearsal.seed}" in rehearsal.facts
    given = replace(rehearsal, request=SongRequest("m", "l", "p", "r", {"seed": 7}))
    assert given.seed == 7


@pytest.mark.parametrize(
    ("lyrics", "title", "name"),
    [
        ("##Side by side,\n\nWe win##", "Side by side", "Side by side.mp3"),
        ("../../etc/passwd: who?\nme", "../../etc/passwd: who?", "etcpasswd who.mp3"),
        ("la " * 40, "la " * 12 + "la…", "la " * 12 + "la.mp3"),
        ("歌をうたう", "歌をうたう", "歌をうたう.mp3"),
        ("[Verse 1]\n\n— —\n  Hold on\n", "Hold on", "Hold on.mp3"),
        ("[Chorus] Hold on", "Hold on", "Hold on.mp3"),
        ("???", "Untitled song", "Untitled song.mp3"),
        ("//// a:", "//// a", "a.mp3"),
    ],
)
def test_a_title_makes_a_file_name(completed: Song, tmp_path: Path, lyrics: str, title: str, name: str) -> None:
    song = replace(completed, request=SongRequest("minimax-music", lyrics, lyrics, "r", {}))
    assert song.title == title
    assert song.save(tmp_path) == tmp_path / name


def test_a_timeline_carries_its_pauses() -> None:
    data = {"language": "en", "lines": [[["Hold ", 0.0, 0.5], ["on", 0.5, 1.0]], [["la", 2.0, 3.0]]]}
    data |= {"pauses": [1], "notes": []}
    timeline = read_timeline(data)
    assert timeline is not None
    assert [(line.text, line.after_pause) for line in timeline.lines] == [("Hold on", False), ("la", True)]
    assert timeline.to_data() == data
    assert read_timeline({**data, "pauses": []}) != timeline
    assert read_timeline({**data, "pauses": [[]]}) is None
