"""The tags of an mp3 that is handed in."""

from __future__ import annotations

import io

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from minimax_nb.audio.tags import Tags, read_tags, tagged
from tests.support.service import audio_bytes

MP3 = audio_bytes(1)
TAGS = Tags("Zoë 🎵", "Ding dong", "Ding dong,\n\nding")
_TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufeff")).map(str.strip)


def test_what_is_written_is_read_and_the_sound_is_the_same() -> None:
    once = tagged(MP3, TAGS)
    again = tagged(once, Tags("Ben", "Other"))
    assert read_tags(once) == TAGS
    assert read_tags(again) == Tags("Ben", "Other")
    assert soundfile.info(io.BytesIO(once)).duration == soundfile.info(io.BytesIO(MP3)).duration
    with soundfile.SoundFile(io.BytesIO(once)) as file:
        assert file.title == "Ding dong"


@given(st.builds(Tags, _TEXT, _TEXT, _TEXT))
def test_any_text_survives(tags: Tags) -> None:
    assert read_tags(tagged(MP3, tags)) == tags


@pytest.mark.parametrize(
    ("encoding", "codec"), [(0, "latin-1"), (1, "utf-16"), (2, "utf-16-be")], ids=["latin-1", "utf-16", "utf-16-be"]
)
def test_tags_of_other_programs_are_read(encoding: int, codec: str) -> None:
    content = bytes([encoding]) + "Zoë".encode(codec)
    frame = b"TPE1" + len(content).to_bytes(4, "big") + b"\x00\x00" + content
    assert read_tags(b"ID3\x03\x00\x00" + bytes([0, 0, 0, len(frame)]) + frame + MP3).name == "Zoë"


@given(st.binary(max_size=200))
def test_what_is_no_tag_says_nothing_and_breaks_nothing(junk: bytes) -> None:
    assert isinstance(read_tags(b"ID3" + junk), Tags)
    assert read_tags(junk.lstrip(b"I")) == Tags()
    tagged(junk, TAGS)
