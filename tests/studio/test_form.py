"""The form and the service line without a page: a reference, some lyrics, a key."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
from soundfile import write as write_sound

from minimax_nb import MusicStudio, Session
from minimax_nb.catalogue import MODELS
from minimax_nb.errors import BudgetExceeded, Unauthorized
from minimax_nb.song import SongRequest, Status
from minimax_nb.studio import samples
from minimax_nb.studio.cards import reference
from minimax_nb.studio.cards.lyrics import OptionsLine
from minimax_nb.studio.cards.upload import received
from minimax_nb.studio.components import KeyField
from minimax_nb.studio.studio import ONE_CLICK
from tests.studio.hand import LYRICS, Hand, PageEnd, shown_widgets, words_of
from tests.support import sounds
from tests.support.service import RATE, Running, audio_bytes, guest, running_service
from tests.test_catalogue import LEAST

KEY = "a-key-of-sixteen"


# The reference


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (audio_bytes(8, kind="WAV"), "8.0 s long"),
        (b"no sound at all", "text, not audio"),
        (b"\0\0\0\x20ftypM4A " + bytes(64), "an m4a file that is damaged or cut off: nothing of it can be played"),
    ],
)
def test_a_reference_that_cannot_be_used_is_said_under_the_field(hand: Hand, content: bytes, words: str) -> None:
    hand.upload(content, "<b>tone.wav")
    hand.sees(words, "<b>tone.wav")
    assert "<b>tone" not in hand.html


def test_an_empty_file_is_said_to_be_one(hand: Hand, tmp_path: Path) -> None:
    (tmp_path / "tone.wav").touch()
    hand.link.value = f'"{tmp_path / "tone.wav"}"'
    hand.sees("tone.wav is empty.")


def test_the_latest_reference_counts_and_the_same_file_can_come_again(hand: Hand) -> None:
    good = audio_bytes(16, kind="WAV")
    hand.upload(good)
    hand.link.value = "/nowhere/song.wav"
    hand.sees("There is no file /nowhere/song.wav.")
    hand.upload(good)
    assert "✓ tone.wav, 0:16 · wav |" in hand.words.replace("\N{NO-BREAK SPACE}", " ")
    assert hand.link.value == ""


def test_the_excerpt_that_was_chosen_is_what_is_sent(service: Running, hand: Hand) -> None:
    hand.upload(audio_bytes(90, kind="WAV"))
    hand.write(LYRICS)
    wave = hand.wave
    assert wave.duration == pytest.approx(90, abs=0.1)
    assert wave.end - wave.start == pytest.approx(60)
    wave.start, wave.end = 30.0, 50.0
    page = PageEnd(wave)
    assert page.say({"type": "play", "turn": 1}) == [{"type": "sound", "turn": 1, "kind": "audio/mpeg"}]
    assert page.buffers[-1][0][:3] != b"RIF"
    hand.generate()
    song = hand.finish()
    assert song.request is not None
    assert song.request.reference == "tone.wav, 1:30, 0:30 to 0:50"
    assert Path(song.source).stat().st_size < 25 * 16_000


@pytest.mark.parametrize(("gain", "words"), [(8.0, "clipped"), (0.004, "very quiet")])
def test_what_could_be_better_about_a_reference_is_said(hand: Hand, tmp_path: Path, gain: float, words: str) -> None:
    tone = np.clip(gain * 0.9 * np.sin(np.arange(16 * RATE) / 20), -1, 1)
    write_sound(tmp_path / "x.wav", tone, RATE)
    hand.upload((tmp_path / "x.wav").read_bytes())
    hand.sees(words, "✓")


def test_the_drop_zone_says_nothing_of_a_file_that_does_not_count(hand: Hand) -> None:
    hand.upload(audio_bytes(16), "song.mp3")
    hand.sees("song.mp3, 0:16")
    assert hand.zone.note.startswith("song.mp3 · ")
    hand.upload(audio_bytes(8), "song.mp3")
    hand.sees("8.0 s long")
    assert hand.zone.note == ""
    hand.upload(audio_bytes(16), "song.mp3")
    assert hand.zone.note.startswith("song.mp3 · ")
    hand.link.value = "https://example.org/song.mp3"
    hand.sees("the service fetches it")
    assert hand.zone.note == ""


def test_a_file_from_the_plain_button(hand: Hand) -> None:
    content = audio_bytes(16, kind="WAV")
    file = {"name": "tone.wav", "type": "", "size": len(content), "content": memoryview(content)}
    hand.the(widgets.FileUpload).value = ({**file, "last_modified": datetime.now()},)
    hand.sees("tone.wav, 0:16")


@pytest.mark.parametrize(
    "value",
    [
        {"a.wav": {"metadata": {"name": "a.wav"}, "content": b"123"}},
        ({"name": "a.wav", "content": memoryview(b"123")},),
    ],
)
def test_both_shapes_of_a_plain_upload_are_read(value: Any) -> None:
    assert received(value) == ("a.wav", b"123")


@pytest.mark.parametrize("value", [{}, ()])
def test_no_plain_upload(value: Any) -> None:
    assert received(value) is None


def test_colab_is_asked_to_show_the_components(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    colab = ModuleType("google.colab")
    colab.output = SimpleNamespace(enable_custom_widget_manager=lambda: asked.append(True))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    MusicStudio(session=Session(rehearse=True))
    assert asked


@pytest.mark.parametrize("sample", samples.REFERENCES, ids=lambda sample: sample.name)
def test_sample_references_are_played_by_the_band(hand: Hand, sample: samples.Sample) -> None:
    hand.press(sample.name)
    hand.sees("played by the rehearsal band", f"{sample.name}, 0:", seconds=60)


def test_a_link_is_taken_as_it_is(hand: Hand) -> None:
    hand.link.value = " https://example.org/song.mp3 "
    hand.sees("https://example.org/song.mp3 · the service fetches it", "There is no picture of a link")


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("https://www.youtube.com/watch?v=x", "A YouTube page plays music in a browser and gives no file."),
        ("https://open.spotify.com/track/x", "A Spotify page plays music"),
        ("https://drive.google.com/drive/folders/0123456789abc", "does not lead to a single audio file"),
    ],
)
def test_a_link_to_a_page_gets_no_tick(hand: Hand, link: str, words: str) -> None:
    hand.link.value = link
    hand.sees(words)
    assert "✓" not in hand.words


# The lyrics


def test_sample_lyrics_write_over_nothing(hand: Hand) -> None:
    seen = []
    for _ in range(len(samples.LYRICS) + 1):
        assert not hand.button("Use sample lyrics").disabled
        hand.press("Use sample lyrics")
        seen.append(hand.lyrics.value)
    assert "Add a reference to begin." in hand.words
    assert seen == [*samples.LYRICS, samples.LYRICS[0]]
    hand.write("My own")
    assert hand.button("Use sample lyrics").disabled


def test_the_exact_prompt_is_shown_on_demand(hand: Hand) -> None:
    hand.write("la & <3\n\n\nla")
    assert "##" not in hand.words
    hand.press("Show the exact prompt")
    assert "##la &amp; &lt;3\n\nla##" in hand.html
    hand.field("With accompaniment").value = False
    assert "##" not in hand.words


def test_what_the_studio_does_not_take_over_is_said() -> None:
    line = OptionsLine()
    line.take(SongRequest("minimax/music-9", "la", "la", "", {"style": "calm", "seed": 7}))
    assert "seed 7 · without style · without model minimax/music-9" in line.children[0].value
    assert line.options == {"seed": 7}


# The models


def labels(hand: Hand) -> list[str]:
    """The names of the fields that are shown, without what explains them."""
    kinds = (widgets.Text, widgets.Textarea, widgets.Checkbox, widgets.Dropdown)
    return [each.description.split(":")[0] for each in shown_widgets(hand.studio) if isinstance(each, kinds)]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("minimax-music", ["Or a link, or the path of a file", "Model", "What is sung", "With accompaniment"]),
        (
            "minimax/music-2.6",
            ["Model", "What is sung", "Style", "Instrumental", "Write lyrics", "Format", "Sample rate", "Bitrate"],
        ),
        ("google/lyria2", ["Model", "Style", "Negative style", "Seed"]),
        ("elevenlabs/eleven_music", ["Model", "Style", "Seconds"]),
    ],
)
def test_the_form_has_the_fields_of_the_model(hand: Hand, model: str, fields: list[str]) -> None:
    hand.field("Model").value = model
    assert labels(hand) == fields


def test_nothing_typed_is_lost_when_another_model_is_chosen(hand: Hand) -> None:
    hand.write(LYRICS)
    hand.field("Model").value = "minimax/music-2.6"
    assert "67 of 3000 characters · 2 lines" in hand.words
    hand.field("Style").value = "slow folk"
    hand.field("Instrumental").value = True
    assert "What is sung" not in labels(hand)
    hand.field("Model").value = "google/lyria2"
    assert hand.field("Style").value == "slow folk"
    hand.field("Seed").value = "7"
    hand.field("Model").value = "minimax-music"
    assert hand.lyrics.value == LYRICS
    assert "71 of 600 characters" in hand.words
    hand.field("Model").value = "google/lyria2"
    assert hand.field("Seed").value == "7"


def test_a_reference_is_judged_by_the_rule_of_the_model(hand: Hand) -> None:
    hand.upload(audio_bytes(90, kind="WAV"))
    hand.sees("tone.wav, 1:30, the minute from")
    hand.field("Model").value = "minimax/music-cover"
    hand.sees("tone.wav, 1:30 · wav")
    assert hand.zone.hint.endswith("longer than 6 s")
    assert hand.wave.end - hand.wave.start == pytest.approx(90, abs=0.1)
    hand.upload(audio_bytes(8, kind="WAV"), "short.wav")
    hand.sees("short.wav, 0:08")
    hand.field("Model").value = "minimax-music"
    hand.sees("short.wav is 8.0 s long, and the model needs more than 15 s.")


@pytest.mark.parametrize(("value", "words"), [("99", "It must be"), ("soon", "It must be")])
def test_an_option_out_of_range_is_said(hand: Hand, value: str, words: str) -> None:
    hand.field("Model").value = "stable-audio"
    hand.field("Style").value = "rain on a roof"
    hand.field("Seconds").value = value
    assert words in hand.words
    assert hand.button("Generate song").disabled


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_makes_a_song_of_the_least_it_needs(service: Running, model: str) -> None:
    hand, given = Hand(MusicStudio(session=Session(rehearse=True))), LEAST[model]
    hand.show()
    hand.field("Model").value = model
    if MODELS[model].reference:
        hand.upload(audio_bytes(20, kind="WAV"))
        hand.sees("tone.wav, 0:20")
    if "lyrics" in given:
        hand.write(given["lyrics"])
    if "style" in given:
        hand.field("Style").value = given["style"]
    hand.generate()
    song = hand.finish()
    assert (song.status, song.model) == (Status.COMPLETED, model)
    assert service.jobs()[-1]["body"]["model"] == model


def test_a_model_without_a_reference_makes_a_song_and_its_settings_are_used_again(service: Running) -> None:
    hand = Hand(MusicStudio(session=Session(rehearse=True)))
    hand.show()
    hand.field("Model").value = "elevenlabs/eleven_music"
    hand.field("Style").value = "a waltz for two clarinets"
    hand.field("Seconds").value = "12"
    hand.generate()
    request = hand.finish().request
    assert request is not None
    assert (request.model, dict(request.options)) == (
        "elevenlabs/eleven_music",
        {"style": "a waltz for two clarinets", "seconds": 12.0},
    )
    hand.field("Seconds").value = ""
    hand.field("Model").value = "minimax-music"
    hand.press("Use these settings again")
    assert hand.field("Model").value == "elevenlabs/eleven_music"
    assert hand.field("Seconds").value == "12.0"


# Where it is made


def test_a_key_in_the_environment_is_used_and_can_be_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", KEY)
    hand = Hand(MusicStudio())
    assert "key ending …teen" in hand.words
    hand.press("Rehearse instead")
    assert "Rehearsal" in hand.words
    hand.press("Use my key")
    assert "key ending" in hand.words


def test_without_a_key_it_rehearses_and_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = Hand(MusicStudio())
    hand.press("Use my key")
    assert "Rehearsal" in hand.words
    assert "AIML_API_KEY" in hand.words
    hand.press("Use my key")
    assert "No key was found there" in hand.words
    monkeypatch.setenv("AIML_API_KEY", KEY)
    hand.press("Use my key")
    assert "key ending" in hand.words
    assert not hand.buttons("Not now")


def test_a_malformed_key_is_said_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", "two words")
    hand = Hand(MusicStudio())
    assert "does not look like a key" in hand.words
    assert "Rehearsal" in hand.words
    hand.press("Use my key")
    assert "does not look like a key" in hand.words


def test_the_switch_decides_where_the_song_is_made(service: Running) -> None:
    session = Session(api_key=service.address.key, base_url=service.address.base_url)
    hand = Hand(MusicStudio(LYRICS, audio_bytes(16), session))
    assert "Spends credits" in hand.words
    hand.generate()
    assert not hand.finish().rehearsal
    hand.press("Rehearse instead")
    time.sleep(ONE_CLICK)
    hand.generate()
    assert hand.finish().rehearsal


def test_price_and_balance_are_looked_up_in_the_background(home: Path) -> None:
    with running_service(home, price=0.035) as service:
        session = Session(api_key=service.address.key, base_url=service.address.base_url)
        hand = Hand(MusicStudio(LYRICS, audio_bytes(16), session))
        hand.show()
        hand.sees("$0.035 a song · $", "$0.035 a song · usually ready")


def test_a_budget_is_shown_counts_down_and_is_kept(home: Path) -> None:
    with running_service(home, price=0.035) as service:
        hand = Hand(MusicStudio(LYRICS, audio_bytes(16), guest(service, budget_usd=0.1, budget_songs=2)))
        hand.show()
        hand.sees("Budget: $0.10 of $0.10 and 2 of 2 songs left")
        hand.generate()
        hand.sees("Budget: $0.065 of $0.10 and 1 of 2 songs left")
        hand.finish()
        guest(service, budget_songs=2).generate(LYRICS, audio_bytes(16))
        hand.write(LYRICS.upper())
        hand.generate()
        with pytest.raises(BudgetExceeded):
            hand.finish()
        hand.sees(
            "The budget is 2 songs in 24 hours, and 2 were submitted.",
            "Nothing was spent.",
            "Budget: $0.03 of $0.10 and 0 of 2 songs left",
        )
        assert len(service.jobs()) == 2
        hand.press("Rehearse instead")
        assert "Budget:" not in hand.words


def test_without_a_budget_none_is_shown(service: Running) -> None:
    hand = Hand(MusicStudio(session=guest(service)))
    hand.show()
    assert "AI/ML API, key ending" in hand.words
    assert "Budget:" not in hand.words


def test_a_price_that_is_not_to_be_had_is_said_quietly(service: Running) -> None:
    service.commit({"fault": "bad_gateway", "call": "models"})
    session = Session(api_key=service.address.key, base_url=service.address.base_url)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    hand.sees("price unknown", seconds=30)


def type_a_key(hand: Hand, key: str) -> None:
    PageEnd(hand.the(KeyField)).say({"type": "key", "value": key})


def test_a_wrong_key_is_dropped_and_the_field_comes_back_with_the_reason(service: Running) -> None:
    hand = Hand(MusicStudio(session=Session(base_url=service.address.base_url, rehearse=False)))
    hand.show()
    hand.press("Rehearse instead")
    hand.press("Use my key")
    type_a_key(hand, "sk-wrong-0123456789")
    hand.sees("The service does not know the key that ends with …6789, so it is dropped.", "Rehearsal: free")
    assert hand.the(KeyField) in shown_widgets(hand.studio)
    hand.press("Not now")
    hand.studio._service.look_up()
    assert hand.the(KeyField) not in shown_widgets(hand.studio), "it asks once"
    hand.press("Use my key")
    assert hand.the(KeyField) in shown_widgets(hand.studio), "the wrong key is not taken again"
    type_a_key(hand, service.address.key)
    hand.sees(f"key ending …{service.address.key[-4:]}")
    assert hand.the(KeyField) not in shown_widgets(hand.studio)


def test_a_key_that_is_refused_with_a_song_is_dropped_too(service: Running) -> None:
    session = Session(api_key="sk-wrong-0123456789", base_url=service.address.base_url)
    hand = Hand(MusicStudio(LYRICS, audio_bytes(16), session))
    hand.generate()
    with pytest.raises(Unauthorized):
        hand.finish()
    hand.sees("Nothing was spent. Type another key above, or rehearse.", "so it is dropped", "Rehearsal: free")
    assert "environment variable" not in hand.words


def test_a_key_is_changed_and_forgotten_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", KEY)
    hand = Hand(MusicStudio())
    hand.press("Change key")
    type_a_key(hand, "another-key-of-mine")
    hand.sees("key ending …mine")
    hand.press("Change key")
    hand.press("Forget this key")
    hand.sees("Rehearsal: free")
    assert not hand.buttons("Change key")


def test_where_keys_are_made_is_a_link(hand: Hand) -> None:
    hand.press("Use my key")
    assert 'href="https://aimlapi.com/app/keys"' in hand.html


def test_a_key_that_is_typed_in_is_in_no_state_of_any_widget(service: Running) -> None:
    hand = Hand(MusicStudio(session=Session(base_url=service.address.base_url, rehearse=False)))
    hand.press("Rehearse instead")
    hand.press("Use my key")
    PageEnd(hand.the(KeyField)).say({"type": "key", "value": service.address.key})
    hand.sees(f"key ending …{service.address.key[-4:]}")
    everything = list(shown_widgets(hand.studio, hidden=True))
    assert all(service.address.key not in repr(widget.get_state()) for widget in everything)


def test_how_far_a_long_file_is_read_is_said(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "_PATIENCE", 0.0)
    said: list[str] = []
    hand.studio._reference._note.observe(lambda change: said.append(words_of(change["new"])), "value")
    hand.upload(sounds.bare(seconds=60, rate=44100, channels=2) * 10, "long.mp3")
    hand.sees("long.mp3, 10:")
    shares = [int(found[1]) for words in said if (found := re.search(r"Reading long\.mp3… (\d+)%", words))]
    assert len(shares) > 5
    assert shares == sorted(shares)
