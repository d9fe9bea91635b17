"""Exported songs, opened from disk and from a web server: they play, light up, and send nothing anywhere."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from minimax_nb.audio.timeline import Line, Syllable, Timeline
from minimax_nb.display.page import Entry, export
from tests.support.appearance import grave_issues
from tests.support.person import PLAYS
from tests.support.service import audio_bytes

pytestmark = pytest.mark.browser

WORDS = ["Side", "by", "side,", "through", "thick", "and", "thin,", "with", "a", "laugh,", "we", "always", "win"]
TIMED = Timeline(
    (
        Line(tuple(Syllable(f"{word} ", 2 + i, 3 + i) for i, word in enumerate(WORDS[:7]))),
        Line(tuple(Syllable(f"{word} ", 10 + i, 11 + i) for i, word in enumerate(WORDS[7:])), after_pause=True),
    ),
    "en",
)
_GO_TO = "(audio, at) => { audio.currentTime = at; }"


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A page with three songs; one of them has times."""
    audio = tmp_path / "song.mp3"
    audio.write_bytes(audio_bytes(16))
    entries = [
        Entry("Side by side", audio, by="Mia", facts="0:16 · rehearsal band · 2026-11-22", timeline=TIMED),
        Entry("Rain on the window", audio, note="The bass is good.", lyrics="Rain on the window\n\nTea in my hand"),
        Entry("مطر على النافذة", audio, lyrics="مطر على النافذة"),
    ]
    return export(entries, tmp_path / "our songs", title="Songs of class 7b")


@pytest.fixture
def served(exported: Path) -> Iterator[str]:
    """The same on a web server."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(exported.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


@pytest.mark.parametrize("way", ["disk", "server"])
def test_it_plays_and_lights_up_and_nothing_leaves(way: str, exported: Path, served: str, page: Page) -> None:
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(exported.as_uri() if way == "disk" else served)
    expect(page.get_by_role("heading", level=2)).to_have_count(3)
    first = page.locator("audio").first
    assert float(first.evaluate(PLAYS)) == pytest.approx(16, abs=0.5)
    first.evaluate(_GO_TO, 4.5)
    expect(page.locator(".words span.now")).to_have_text("side,")
    expect(page.locator(".words p.now")).to_contain_text("Side by side")
    first.evaluate(_GO_TO, 12.5)
    expect(page.locator(".words span.now")).to_have_text("laugh,")
    first.evaluate("audio => audio.play()")
    second = page.locator("audio").nth(1)
    second.evaluate("audio => audio.play()")
    page.wait_for_function("() => document.querySelectorAll('audio')[0].paused")
    second.evaluate("audio => audio.pause()")
    page.get_by_role("button", name="Play all").click()
    page.wait_for_function("() => document.querySelectorAll('audio')[0].currentTime > 0")
    first.evaluate(_GO_TO, 15.8)
    page.wait_for_function("() => !document.querySelectorAll('audio')[1].paused")
    base = exported.parent.as_uri() if way == "disk" else served.rsplit("/", 1)[0]
    assert [url for url in asked if not url.startswith((f"{base}/", "data:"))] == []
    assert errors == []


def test_it_can_be_read_by_everybody_and_printed(exported: Path, browser: Browser, tmp_path: Path) -> None:
    found: list[str] = []
    for scheme, width in (("light", 900), ("dark", 900), ("light", 360), ("dark", 360)):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(exported.as_uri())
        page.locator("audio").first.evaluate(_GO_TO, 4.5)
        expect(page.locator(".words span.now")).to_have_count(1)
        found += [f"{scheme}, {width} px: {issue}" for issue in grave_issues(page, inside="body")]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=tmp_path / f"page-{scheme}-{width}.png", full_page=True)
        page.emulate_media(media="print")
        assert page.locator("audio").first.is_hidden()
        expect(page.get_by_text("Tea in my hand")).to_be_visible()
        page.screenshot(path=tmp_path / f"page-print-{scheme}-{width}.png", full_page=True)
        context.close()
    assert not found, "\n".join(found)
    print(tmp_path)
