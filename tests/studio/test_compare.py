"""Two takes, or a take and its reference, side by side: what is chosen, and how loud each of them is played."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from minimax_nb import MusicStudio, Session, Song, SongRequest, Status
from minimax_nb.rehearsal.band.mixer import loudness
from minimax_nb.studio.cards.compare import equal_gains
from minimax_nb.studio.components import Compare
from minimax_nb.studio.state import Side, StudioState
from tests.studio.hand import Hand, PageEnd
from tests.support import until
from tests.support.service import RATE, audio_bytes


def noise(folder: Path, name: str, level: float, seconds: float = 5, rate: int = RATE) -> Path:
    """Write noise as a wav, of a level in dB."""
    sound = np.random.default_rng(len(name)).standard_normal((int(seconds * rate), 2))
    path = folder / f"{name}.wav"
    soundfile.write(path, sound * 10 ** (level / 20), rate, subtype="FLOAT")
    return path


def level_of(path: Path, gain: float, seconds: float) -> float:
    sound, rate = soundfile.read(path, dtype="float32")
    return loudness(sound[: int(seconds * rate)]) + gain


# How loud


@pytest.mark.parametrize("levels", [(-30, -20), (-20, -30), (-25, -25)])
def test_the_louder_one_is_turned_down_and_nothing_up(tmp_path: Path, levels: tuple[float, float]) -> None:
    a, b = (noise(tmp_path, name, level) for name, level in zip(("a", "bb"), levels, strict=True))
    gains = equal_gains(a, b)
    assert max(gains) == 0
    assert level_of(a, gains[0], 5) == pytest.approx(level_of(b, gains[1], 5), abs=0.1)


def test_what_the_longer_one_has_behind_the_end_of_the_other_does_not_count(tmp_path: Path) -> None:
    a = noise(tmp_path, "a", -20, 4)
    quiet, loud = soundfile.read(noise(tmp_path, "bb", -30, 4))[0], soundfile.read(noise(tmp_path, "c", -10, 8))[0]
    b = tmp_path / "b.wav"
    soundfile.write(b, np.concatenate([quiet, loud]), RATE, subtype="FLOAT")
    assert equal_gains(a, b) == pytest.approx((-10, 0), abs=0.2)


def test_silence_and_a_file_that_was_changed(tmp_path: Path) -> None:
    a, b = noise(tmp_path, "a", -20), noise(tmp_path, "bb", -200)
    assert equal_gains(a, b) == (0, 0)
    noise(tmp_path, "bb", -26)
    os.utime(b, ns=(1, 1))
    assert equal_gains(a, b) == pytest.approx((-6, 0), abs=0.2)


# What is chosen


def songs(number: int, source: str = "") -> list[Song]:
    created, request = datetime(2026, 11, 27, 12, tzinfo=UTC), SongRequest("minimax-music", "La la", "", "")
    return [
        Song(f"r{i}", Status.COMPLETED, created + timedelta(seconds=i), id=f"g{i}", request=request, source=source)
        for i in range(number)
    ]


def test_a_press_chooses_a_second_one_puts_away_and_the_other_letter_changes_places() -> None:
    one, two, three = (Side(song) for song in songs(3))
    state = StudioState().compared(0, one)
    assert state.sides == (one, None)
    assert state.compared(0, one).sides == (None, None)
    assert state.compared(1, one).sides == (None, one)
    state = state.compared(1, two)
    assert state.sides == (one, two)
    assert (state.letters(one.song), state.letters(two.song), state.letters(three.song)) == ("A", "B", "")
    assert state.compared(1, one).sides == (two, one)
    assert state.compared(0, three).sides == (three, two)
    renamed = replace(one.song, error="anything else about it")
    assert state.letters(renamed) == "A"
    assert state.compared(0, Side(renamed)).sides == (None, two)


@pytest.fixture
def made(home: Path) -> list[Song]:
    """Two finished songs in the library, made of one reference, the newer one first."""
    session = Session(rehearse=True)
    for folder in ("songs", "references"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    reference = home / "references" / "reference.mp3"
    reference.write_bytes(audio_bytes(16))
    for i, song in enumerate(songs(2, str(reference))):
        path = home / "songs" / f"{song.request_id}.mp3"
        path.write_bytes(audio_bytes(3, pitch=300 + 100 * i))
        session.journal.add(replace(song, path=path, rehearsal=True, duration=3.0))
    return session.songs()


def opened() -> tuple[Hand, PageEnd]:
    """Somebody with a studio in a page that draws the component."""
    hand = Hand(MusicStudio(session=Session(rehearse=True)))
    hand.show()
    page = PageEnd(hand.the(Compare))
    page.say({"type": "hello"})
    return hand, page


def side(hand: Hand, letter: str, take: int = 0) -> Any:
    """The button of a letter at a take."""
    return [each for each in hand.buttons("") if each.description.removeprefix("✓ ") == letter][take]


def test_two_takes_come_to_the_page_with_their_gains(made: list[Song]) -> None:
    hand, page = opened()
    side(hand, "A").click()
    hand.sees("A is “La la”, made ", "Press B at another take to hear them side by side.")
    assert not page.sent[-1]["names"]
    side(hand, "B", 1).click()
    until(lambda: page.sent[-1]["names"])
    sent = page.sent[-1]
    assert page.buffers[-1] == [song.audio for song in made]
    assert [name[:14] for name in sent["names"]] == ["“La la”, made "] * 2
    assert max(sent["gains"]) == 0
    assert [each.description for each in (side(hand, "A"), side(hand, "B", 1))] == ["✓ A", "✓ B"]
    (again,) = page.say({"type": "hello"})
    assert again == sent, "a page that was opened later gets it too, and another one knows it by its number"
    side(hand, "B", 1).click()
    assert not page.sent[-1]["names"], "what plays is ended"
    hand.press("Close")
    assert not hand.buttons("✓ A")
    assert "Side by side" not in hand.words


def test_a_take_is_heard_beside_its_reference(made: list[Song]) -> None:
    hand, page = opened()
    side(hand, "B").click()
    hand.press("Compare with its reference")
    until(lambda: page.sent[-1]["names"])
    assert page.sent[-1]["names"][0] == "the reference of “La la”"
    assert page.buffers[-1] == [Path(made[0].source).read_bytes(), made[0].audio]
    assert not hand.buttons("Compare with its reference")


def test_a_reference_that_was_a_link_or_is_gone_is_not_offered(made: list[Song]) -> None:
    assert Side(replace(made[0], source="https://example.com/a.mp3"), reference=True).path is None
    hand, page = opened()
    side(hand, "A").click()
    Path(made[0].source).unlink()
    hand.press("Compare with its reference")
    hand.sees("The file of the reference of “La la” is gone. Choose another one.")
    assert not page.sent[-1]["names"]


def test_votes_begin_anew_with_another_pair(made: list[Song]) -> None:
    hand, page = opened()
    side(hand, "A").click()
    side(hand, "B", 1).click()
    until(lambda: page.sent[-1]["names"])
    compare = hand.the(Compare)
    compare.set_state({"votes": [3, 1]})
    side(hand, "A", 1).click()
    until(lambda: compare.votes == [0, 0] and page.sent[-1]["names"])


def test_a_page_that_cannot_draw_it_says_so(made: list[Song]) -> None:
    hand = Hand(MusicStudio(session=Session(rehearse=True)))
    hand.show()
    side(hand, "A").click()
    side(hand, "B", 1).click()
    hand.sees("This page cannot play two takes in step: press Play at one after the other.")
