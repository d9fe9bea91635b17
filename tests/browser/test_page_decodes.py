"""A file that the kernel cannot read is decoded by the page, on every front end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import sounds
from tests.support.front_ends import LAB, FrontEnd, Server, open_and_run, write_notebook
from tests.support.person import Person, studio_cell
from tests.support.service import Running

pytestmark = pytest.mark.browser

_NO_FFMPEG = """
import sys
sys.modules["av"] = None
from minimax_nb.audio import decoders
decoders.ffmpeg_program = lambda: ""
"""
_DECODES_NOTHING = "OfflineAudioContext.prototype.decodeAudioData = () => Promise.reject(new DOMException('no'))"
_AN_HOUR_LONG = "Object.defineProperty(HTMLMediaElement.prototype, 'duration', {get: () => 3725})"
_NEEDS = "memo.m4a is an m4a file, which needs one more package to be read."


@pytest.fixture
def memo(tmp_path: Path) -> Path:
    path = tmp_path / "memo.m4a"
    path.write_bytes(sounds.muxed("ipod", "aac", sounds.song(rate=44100, channels=2), rate=44100))
    return path


def opened(page: Page, server: Server, home: Path, name: str) -> Person:
    """Somebody with a studio whose kernel reads no more than soundfile does."""
    write_notebook(server, name, _NO_FFMPEG + studio_cell(home=str(home)))
    return Person(page, open_and_run(page, server, name))


def test_an_m4a_and_a_flac_are_taken_without_ffmpeg(
    page: Page, server: Server, quick_band: Running, home: Path, tmp_path: Path, memo: Path
) -> None:
    person = opened(page, server, home, "decodes.ipynb")
    person.upload(memo)
    person.sees(re.compile(r"✓\s*memo\.m4a, 0:18"))
    person.sees(re.compile(r"memo\.m4a · 3\.\d MB in [\d.]+ s · decoded by this page"))
    song = tmp_path / "song.flac"
    song.write_bytes(sounds.written(sounds.song(20), "FLAC"))
    person.upload(song)
    person.sees(re.compile(r"✓\s*song\.flac, 0:20"))
    person.upload(memo)
    person.sees(re.compile(r"✓\s*memo\.m4a, 0:18"))
    person.write()
    person.press("Generate song")
    assert person.hears_a_song() > 0


def test_what_the_page_cannot_decode_is_said_with_the_command_that_helps(
    page: Page, serve: Callable[[FrontEnd], Server], home: Path, memo: Path
) -> None:
    page.add_init_script(_DECODES_NOTHING)
    person = opened(page, serve(LAB), home, "decodes_not.ipynb")
    person.upload(memo)
    person.sees(f"{_NEEDS} This page cannot decode it either. Install it with: ")
    expect(person.drop_zone).to_be_visible()


def test_what_is_too_long_for_the_page_is_said(
    page: Page, serve: Callable[[FrontEnd], Server], home: Path, memo: Path
) -> None:
    page.add_init_script(_AN_HOUR_LONG)
    person = opened(page, serve(LAB), home, "decodes_long.ipynb")
    person.upload(memo)
    person.sees(f"{_NEEDS} This page decodes no more than 15 minutes, and it is 62:05 long. Install it with: ")
