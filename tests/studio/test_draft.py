"""Drafts: what a person typed or chose is there in the next kernel; a real library, no page."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from minimax_nb import MusicStudio, Session
from minimax_nb.library.storage import locate
from minimax_nb.studio.components import KeyField
from minimax_nb.studio.draft import Saver, studio_name
from tests.studio.hand import LYRICS, Hand, PageEnd
from tests.support import until
from tests.support.network import hunt
from tests.support.service import Running, audio_bytes


def studio(lyrics: str | None = None, reference: Any = None, **more: Any) -> Hand:
    """A studio that was just shown, as in a new kernel."""
    hand = Hand(MusicStudio(lyrics, reference, Session(rehearse=True), **more))
    hand.show()
    return hand


def drafts(home: Path) -> list[dict[str, Any]]:
    """All that is written down."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in (home / "drafts").glob("*.json")]


def saved(home: Path, lyrics: str) -> dict[str, Any]:
    """Wait until a draft with these lyrics is written down."""
    until(lambda: [each for each in drafts(home) if each["request"]["lyrics"] == lyrics])
    return next(each for each in drafts(home) if each["request"]["lyrics"] == lyrics)


def test_lyrics_model_and_options_are_there_in_the_next_kernel(home: Path) -> None:
    first = studio()
    first.field("With accompaniment").value = False
    first.field("Model").value = "minimax/music-2.0"
    first.field("Style").value = "slow folk"
    first.write(LYRICS)
    saved(home, LYRICS)
    second = studio()
    assert second.lyrics.value == LYRICS
    assert second.field("Model").value == "minimax/music-2.0"
    assert second.field("Style").value == "slow folk"
    second.field("Model").value = "minimax-music"
    assert second.field("With accompaniment").value is False


def test_a_link_is_there_again(home: Path) -> None:
    first = studio()
    first.link.value = "https://example.org/song.mp3"
    first.write("la")
    until(lambda: saved(home, "la")["reference"])
    second = studio()
    assert second.link.value == "https://example.org/song.mp3"
    second.sees("✓ https://example.org/song.mp3")


def test_an_uploaded_file_comes_back_from_the_library(home: Path, service: Running) -> None:
    first = studio()
    first.upload(audio_bytes(40, kind="WAV"))
    first.write(LYRICS)
    until(lambda: saved(home, LYRICS)["reference"])
    first.wave.start, first.wave.end = 5.0, 25.0
    until(lambda: (saved(home, LYRICS)["reference"] or {}).get("end") == 25.0)
    second = studio()
    second.sees("✓ tone.wav, 0:40, 0:05 to 0:25")
    assert second.wave.duration == pytest.approx(20, abs=0.2)
    second.generate()
    assert second.finish().source.startswith(str(home / "references"))


def test_the_excerpt_of_ones_own_file_is_chosen_again(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.wav"
    mine.write_bytes(audio_bytes(50, kind="WAV"))
    first = studio()
    first.link.value = str(mine)
    first.sees("✓ mine.wav")
    first.wave.start, first.wave.end = 12.0, 30.0
    first.write("la")
    until(lambda: (saved(home, "la")["reference"] or {}).get("end") == 30.0)
    second = studio()
    second.sees("✓ mine.wav, 0:50, 0:12 to 0:30")
    assert second.wave.duration == pytest.approx(50, abs=0.2)
    assert (second.wave.start, second.wave.end) == (12.0, 30.0)
    mine.unlink()
    third = studio()
    third.sees("✓ mine.wav, 0:50")
    assert not third.link.value


def test_what_is_given_from_code_wins(home: Path, tmp_path: Path) -> None:
    first = studio()
    first.link.value = "https://example.org/song.mp3"
    first.field("With accompaniment").value = False
    first.write(LYRICS)
    until(lambda: saved(home, LYRICS)["reference"])
    mine = tmp_path / "mine.wav"
    mine.write_bytes(audio_bytes(16, kind="WAV"))
    second = studio("From code", mine)
    second.sees("✓ mine.wav")
    assert second.lyrics.value == "From code"
    assert second.field("With accompaniment").value is False, "the rest is the draft's"
    assert studio("").lyrics.value == ""


def test_start_over_empties_it_and_can_be_taken_back(home: Path) -> None:
    hand = studio()
    assert not hand.buttons("Start over")
    hand.upload(audio_bytes(30, kind="WAV"))
    hand.field("Model").value = "minimax/music-2.0"
    hand.field("Style").value = "slow folk"
    hand.field("Model").value = "minimax-music"
    hand.write(LYRICS)
    hand.wave.start, hand.wave.end = 2.0, 20.0
    saved(home, LYRICS)
    hand.press("Start over")
    assert hand.lyrics.value == ""
    assert "✓" not in hand.words
    until(lambda: not drafts(home))
    hand.press("Bring it back")
    assert hand.lyrics.value == LYRICS
    assert "✓ tone.wav" in hand.words
    assert (hand.wave.start, hand.wave.end) == (2.0, 20.0)
    saved(home, LYRICS)
    hand.press("Start over")
    hand.write("Something new")
    assert not hand.buttons("Bring it back")
    saved(home, "Something new")
    assert studio().lyrics.value == "Something new"


def test_two_notebooks_and_two_names_keep_apart(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    studio().write("one")
    studio(name="chorus").write("chorus")
    saved(home, "one")
    saved(home, "chorus")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert studio().lyrics.value == ""
    assert studio(name="chorus").lyrics.value == "chorus"
    monkeypatch.chdir(tmp_path)
    assert studio().lyrics.value == "one"


BROKEN = [
    "",
    "{",
    "[]",
    "null",
    '{"request": null, "reference": null}',
    '{"request": {"model": "gone/model", "lyrics": 7, "accompaniment": "x", "options": {"tempo": []}},'
    ' "reference": null}',
    '{"request": {"model": "minimax-music", "lyrics": "", "accompaniment": true, "options": 3}, "reference": null}',
    '{"request": {"model": "minimax-music", "lyrics": "", "accompaniment": true, "options": {}},'
    ' "reference": {"x": 1}}',
    '{"request": {"model": "minimax-music", "lyrics": "", "accompaniment": true, "options": {}},'
    ' "reference": {"copy": 3, "start": "x"}}',
    '{"request": {"model": "minimax/music-2.0", "lyrics": "la", "accompaniment": true,'
    ' "options": {"sample_rate": 1, "seconds": {}}}, "reference": {"link": "~nobody/x.mp3"}}',
    "[" * 100_000,
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_draft_stops_nothing(content: str, home: Path) -> None:
    locate(home).keep_draft(studio_name(""), {})
    (path,) = (home / "drafts").iterdir()
    path.write_text(content)
    hand = studio()
    hand.write(LYRICS)
    hand.sees("2 lines")
    until(lambda: path.read_text() != content)
    assert saved(home, LYRICS)


def test_no_key_is_in_a_draft_wherever_it_was_typed(home: Path, tmp_path: Path) -> None:
    key = 'sk-"secret"\\+key=0123'
    hand = studio()
    hand.press("Use my key")
    PageEnd(hand.the(KeyField)).say({"type": "key", "value": key})
    hand.write(f"la la {key} la")
    hand.link.value = f"https://example.org/song.mp3?key={key}"
    until(lambda: [each for each in drafts(home) if "la la" in each["request"]["lyrics"] and each["reference"]])
    assert hunt(key, [home]) == []
    assert saved(home, "la la …0123 la")["reference"]["link"].endswith("?key=…0123")


def test_a_thread_for_a_burst_of_keys_and_none_for_each() -> None:
    saves: list[float] = []
    saver = Saver(lambda: saves.append(time.monotonic()), seconds=0.3)
    for _ in range(200):
        saver.touch()
        assert sum(each.name == "minimax_nb draft" for each in threading.enumerate()) <= 1
        time.sleep(0.002)
    last = time.monotonic()
    until(lambda: saves)
    assert saves[0] - last >= 0.25
    saver.touch()
    until(lambda: len(saves) == 2)
    until(lambda: not [each for each in threading.enumerate() if each.name == "minimax_nb draft"])


def test_a_studio_that_is_not_touched_writes_nothing(home: Path) -> None:
    studio()
    time.sleep(1)
    assert drafts(home) == []
