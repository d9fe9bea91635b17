"""A recording by the microphone: a fake one, which plays a file of ours, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Frame, Locator, Page, Playwright, Route, expect, sync_playwright

from tests.support import until
from tests.support.appearance import grave_issues, overflowing, take_screenshots, themes, widths
from tests.support.front_ends import (
    CHROMIUM,
    COLAB,
    FLAGS,
    LAB,
    FrontEnd,
    Server,
    missing,
    open_and_run,
    run_cells,
    write_notebook,
)
from tests.support.person import Person, studio_cell
from tests.support.service import Running

pytestmark = pytest.mark.browser

RATE = 48000
LEVEL = 0.25
STEPS = np.arange(300, 1300, 50)
"""What the fake microphone hears: each second another tone, in Hz; and again from the start."""

A_TAKE = 40_000
"""How long it may take until a recording is long enough, in milliseconds."""

_RECORDER = """
import shutil, threading
import ipywidgets as widgets
from minimax_nb.studio.components import Recorder
from minimax_nb.studio.studio import STYLE

recorder = Recorder(lambda file: shutil.copy(file.path, "taken.wav"), threading.RLock())
recorder.minimum = 3
box = widgets.VBox([widgets.HTML(STYLE), recorder])
box.add_class("mnb-studio")
box
"""
_BUSY = "import time; print('asleep'); time.sleep(6)"
_KEEP_SOUND = """
window.contexts = [];
window.AudioContext = class extends AudioContext {
    constructor(...given) { super(...given); window.contexts.push(this); }
};
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (...given) => (window.stream = await ask(...given));
"""
"""Keeps the page's contexts and the stream of its microphone, so that a test can do to them what a system does."""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} is missing: apt install chromium")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium with a microphone, which nobody may use who is not allowed to."""
    path = tmp_path_factory.mktemp("microphone") / "steps.wav"
    tone = LEVEL * np.sin(2 * np.pi * np.cumsum(np.repeat(STEPS, RATE)) / RATE)
    soundfile.write(path, tone, RATE, subtype="PCM_16")
    microphone = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={path}")
    with chromium(playwright, *microphone) as started:
        yield started


@contextmanager
def chromium(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *flags])
    yield started
    started.close()


def allow(page: Page) -> None:
    page.context.grant_permissions(["microphone"])


def opened(page: Page | Frame, server: Server, name: str, *cells: str) -> Person:
    """Somebody in front of a fresh studio, or what the cells show."""
    write_notebook(server, name, *(cells or (studio_cell(home=str(server.home)),)))
    return Person(page, open_and_run(page, server, name))  # type: ignore[arg-type]


def recorder_of(person: Person) -> Locator:
    return person.studio.locator(".mnb-component.mnb-record")


def record_button(person: Person) -> Locator:
    return person.studio.get_by_role("button", name="Record", exact=True)


def title(person: Person, words: str) -> Locator:
    """What the recorder is doing."""
    return recorder_of(person).locator(".mnb-record-title").get_by_text(words, exact=True)


def record(person: Person, *, until_it_says: str = "Long enough now.") -> None:
    record_button(person).click()
    expect(title(person, "Recording")).to_be_visible()
    expect(recorder_of(person).locator(".mnb-component-words").get_by_text(until_it_says)).to_be_visible(
        timeout=A_TAKE
    )


def says(person: Person, words: str) -> None:
    """What went wrong is said, and what else can be done."""
    problem = recorder_of(person).get_by_role("alert")
    expect(problem).to_contain_text(words)
    expect(problem).to_contain_text("make a voice memo with your phone")
    expect(record_button(person)).to_be_visible()


def tones(samples: np.ndarray, rate: int) -> np.ndarray:
    """The tone of each twentieth of a second, in Hz."""
    width = rate // 20
    pieces = samples[: len(samples) // width * width].reshape(-1, width) * np.hanning(width)
    return np.abs(np.fft.rfft(pieces, 1 << 16)).argmax(axis=1) * rate / (1 << 16)


# What is recorded


@pytest.mark.one_page
def test_what_is_recorded_is_what_the_microphone_heard(
    page: Page, lab: Server, report_speed: Callable[[str], None]
) -> None:
    allow(page)
    person = opened(page, lab, "recorder.ipynb", _RECORDER)
    record_button(person).click()
    expect(person.button("Use it")).to_be_disabled()
    expect(person.button("Use it")).to_be_enabled()
    page.wait_for_timeout(3000)
    person.press("Pause")
    clock = recorder_of(person).locator(".mnb-numbers").inner_text()
    page.wait_for_timeout(2000)
    expect(recorder_of(person).locator(".mnb-numbers")).to_have_text(clock)
    person.press("Go on")
    page.wait_for_timeout(2500)
    person.press("Pause")
    shown = int(recorder_of(person).locator(".mnb-numbers").inner_text().removeprefix("0:"))
    person.press("Use it")
    expect(record_button(person)).to_be_visible()
    until((lab.root / "taken.wav").exists)
    samples, rate = soundfile.read(lab.root / "taken.wav", always_2d=True)
    info = soundfile.info(lab.root / "taken.wav")
    assert (info.format, info.subtype) == ("WAV", "PCM_16")
    assert int(len(samples) / rate + 0.05) == shown  # as the clock counts
    level = float(np.sqrt(np.mean(samples[rate // 10 :] ** 2)) * np.sqrt(2))
    assert level == pytest.approx(LEVEL, rel=0.02)
    heard = tones(samples[:, 0], rate)
    nearest = STEPS[np.abs(heard[:, None] - STEPS).argmin(axis=1)]
    steady = (nearest[1:-1] == nearest[:-2]) & (nearest[1:-1] == nearest[2:])
    assert np.mean(np.abs(heard - nearest)[1:-1][steady] < 3) > 0.98, "the pitch is right"
    changes = np.flatnonzero(np.diff(nearest)) / 20
    whole = [gap for gap in np.diff(changes) if gap == pytest.approx(1, abs=0.051)]
    assert len(whole) >= len(changes) - 4, "a second lasts a second, but around the pause"
    report_speed(
        f"recorder: {len(samples) / rate:.2f} s at {rate} Hz, level {level:.4f} of {LEVEL}, steps {np.diff(changes)}"
    )


@pytest.mark.one_page
def test_a_recording_waits_for_a_busy_kernel(page: Page, lab: Server) -> None:
    allow(page)
    person = opened(page, lab, "recorder_busy.ipynb", _RECORDER, "print('ready')", _BUSY)
    record(person)
    (lab.root / "taken.wav").unlink(missing_ok=True)
    run_cells(page, lab, 2)
    person.press("Use it")
    expect(recorder_of(person).get_by_text("The kernel is busy")).to_be_visible()
    expect(record_button(person)).to_be_visible()
    assert (lab.root / "taken.wav").exists()


def test_a_recording_becomes_a_song(
    page: Page, server: Server, quick_band: Running, home: Path, report_speed: Callable[[str], None]
) -> None:
    allow(page)
    person = opened(page, server, "record.ipynb", studio_cell(home=str(home)))
    record(person)
    take_screenshots(person, server, "a-recorded")
    person.press("Pause")
    person.press("Listen")
    person.press("Stop")
    person.press("Use it")
    person.sees(re.compile(r"✓\s*Recording \d\d\.\d\d\.\d\d\.wav, 0:1\d"))
    expect(record_button(person)).to_be_visible()
    person.write()
    person.press("Generate song")
    assert person.hears_a_song() > 0
    (job,) = quick_band.jobs()
    assert job["status"] == "completed"


@pytest.mark.one_page
def test_a_recording_is_the_melody_of_a_cover(page: Page, lab: Server, quick_band: Running, home: Path) -> None:
    allow(page)
    person = opened(page, lab, "cover.ipynb", studio_cell(home=str(home)))
    person.studio.get_by_label("Model", exact=True).select_option("minimax/music-cover")
    person.sees("Or sing or hum the melody.")
    record(person)
    person.press("Use it")
    person.sees(re.compile(r"Recording \d\d\.\d\d\.\d\d\.wav, 0:0[67]"))
    person.write()
    person.studio.get_by_label(re.compile("^Style: ")).fill("A quiet folk song")
    person.press("Generate song")
    assert person.hears_a_song() > 0
    (job,) = quick_band.jobs()
    assert job["body"]["model"] == "minimax/music-cover"
    person.studio.get_by_label("Model", exact=True).select_option("minimax-music")
    person.sees("the model needs more than 15 s")


# What can come in between


@pytest.fixture
def recording(page: Page, lab: Server) -> Person:
    """Somebody who is being recorded."""
    allow(page)
    page.add_init_script(_KEEP_SOUND)
    person = opened(page, lab, "interrupted.ipynb", _RECORDER)
    record(person, until_it_says="1 s more")
    return person


INTERRUPTIONS = {
    "The browser put this page to sleep.": "() => { contexts.at(-1).suspend(); }",
    "The microphone is gone": "() => { stream.getTracks()[0].dispatchEvent(new Event('ended')); }",
    "The system has muted the microphone.": "() => { stream.getTracks()[0].dispatchEvent(new Event('mute')); }",
}


@pytest.mark.parametrize("words", INTERRUPTIONS)
def test_an_interruption_is_said_and_what_was_recorded_is_kept(recording: Person, words: str) -> None:
    recording.page.evaluate(INTERRUPTIONS[words])
    recorder = recorder_of(recording)
    expect(recorder.get_by_text(words)).to_be_visible()
    expect(title(recording, "Paused")).to_be_visible()
    recording.press("Go on")
    expect(title(recording, "Recording")).to_be_visible()
    expect(recorder.get_by_text(words)).to_be_hidden()
    expect(recording.button("Use it")).to_be_enabled()
    recording.press("Discard")
    expect(record_button(recording)).to_be_visible()
    assert recording.page.evaluate("stream.getTracks().every(track => track.readyState === 'ended')")


def test_a_computer_that_slept_is_said_with_what_is_missing(recording: Person) -> None:
    recording.page.evaluate("() => { const now = Date.now; Date.now = () => now() + 30000; }")
    expect(recorder_of(recording).get_by_text("About 30 s were not recorded")).to_be_visible()
    expect(title(recording, "Paused")).to_be_visible()


# Where there is no microphone to be had


@pytest.mark.one_page
def test_one_that_is_not_allowed_is_said(page: Page, lab: Server) -> None:
    person = opened(page, lab, "denied.ipynb")
    record_button(person).click()
    says(person, "The microphone was not allowed.")
    allow(page)
    record_button(person).click()
    expect(title(person, "Recording")).to_be_visible()
    expect(recorder_of(person).get_by_role("alert")).to_have_text("")


def test_none_at_all_is_said(playwright: Playwright, lab: Server) -> None:
    with chromium(playwright) as without:
        page = without.new_page(permissions=["microphone"])
        person = opened(page, lab, "none.ipynb")
        record_button(person).click()
        says(person, "No microphone was found.")


def test_a_page_that_is_not_secure_is_said(playwright: Playwright, serve: Callable[[FrontEnd], Server]) -> None:
    server = serve(replace(LAB, name="remote", arguments=(*LAB.arguments, "--ServerApp.allow_remote_access=True")))
    with chromium(playwright, "--host-resolver-rules=MAP notebook.test 127.0.0.1") as remote:
        page = remote.new_page()
        person = opened(page, replace(server, url=server.url.replace("127.0.0.1", "notebook.test")), "insecure.ipynb")
        record_button(person).click()
        says(person, "Browsers give the microphone only to pages at https")


@pytest.mark.parametrize("front_end", [COLAB, LAB], ids=lambda front_end: front_end.name)
def test_a_frame_without_a_microphone_is_said(
    page: Page, serve: Callable[[FrontEnd], Server], front_end: FrontEnd
) -> None:
    allow(page)
    server = serve(front_end)
    outside = "http://127.0.0.1:50000/outside"  # another origin
    sandbox = "allow-scripts allow-same-origin allow-forms allow-popups allow-modals"
    page.route(
        outside,
        lambda route: route.fulfill(
            body=f'<iframe name="inside" sandbox="{sandbox}" width="1100" height="900"></iframe>',
            content_type="text/html",
        ),
    )
    page.route("**/notebooks/**", unframed)
    page.route("**/lab/**", unframed)
    page.goto(outside)
    inside = page.frame("inside")
    assert inside
    person = opened(inside, server, "framed.ipynb")
    record_button(person).click()
    says(person, "This page shows notebooks in a frame that may not use the microphone.")


def unframed(route: Route) -> None:
    """Let a page be shown in the frame of another host."""
    if route.request.resource_type != "document":
        route.fallback()
        return
    response = route.fetch()
    headers = {name: value for name, value in response.headers.items() if name != "content-security-policy"}
    route.fulfill(status=response.status, headers=headers, body=response.body())


def test_a_page_that_forbids_its_sound_program_is_said(page: Page, lab: Server) -> None:
    allow(page)
    page.add_init_script(
        "AudioWorklet.prototype.addModule = () => Promise.reject(new DOMException('', 'AbortError'))"
    )
    person = opened(page, lab, "forbidden.ipynb")
    record_button(person).click()
    says(person, "This page forbids the program that takes the sound")


# How it looks


@pytest.mark.one_page
def test_it_is_accessible_and_fits_while_recording(page: Page, lab: Server) -> None:
    person = opened(page, lab, "record_looks.ipynb")
    found: list[str] = []

    def check(state: str) -> None:
        take_screenshots(person, lab, f"a-{state}")
        for theme in themes(page):
            found.extend(f"{state}, {theme}: {issue}" for issue in grave_issues(page))
        for width in widths(person):
            found.extend(f"{state}, {width} px: {node} is cut off" for node in overflowing(person))

    record_button(person).click()
    says(person, "The microphone was not allowed.")
    check("denied")
    allow(page)
    person.tab_to(record_button(person))
    page.keyboard.press("Enter")
    expect(title(person, "Recording")).to_be_visible()
    assert person.button("Pause").evaluate("node => node === document.activeElement"), "the keyboard stays in it"
    check("recording")
    page.keyboard.press("Space")
    expect(person.button("Go on")).to_be_focused()
    check("paused")
    assert not found, "\n".join(sorted(set(found)))
