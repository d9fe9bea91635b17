"""The components in JupyterLab: files dropped and cancelled, handles moved, an excerpt played, a key given."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support import ROOT, until
from tests.support.front_ends import Server, open_notebook, run_cells, wait_for_kernel, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.one_page]

_COMPONENTS = """
import hashlib, sys, threading
import ipywidgets as widgets
from minimax_nb.studio.components import DropZone, KeyField, Waveform
from minimax_nb.studio.studio import STYLE
sys.path.insert(0, {tests!r})
from tests.support.service import audio_bytes

said = widgets.HTML()

def whole(file):
    digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
    said.value = f"{{file.name}} {{file.size}} {{digest}}"

def use(key):
    said.value = f"a key of {{len(key)}}"

def excerpt():
    return audio_bytes(wave.end - wave.start), "audio/mpeg"

zone = DropZone(whole, threading.RLock(), hint="wav or mp3, longer than 15 s")
wave = Waveform(excerpt, minimum=2, maximum=60)
wave.show([abs(number % 80 - 40) for number in range(1000)], 100, 10, 55)
key = KeyField(use)
moments = widgets.HTML()
wave.observe(lambda _: setattr(moments, "value", f"excerpt {{wave.start:g}} to {{wave.end:g}}"), ["start", "end"])
box = widgets.VBox([widgets.HTML(STYLE), zone, wave, key, said, moments])
box.add_class("mnb-studio")
box
"""
_BUSY = "import time; time.sleep(6)"
_LEFT = "from pathlib import Path; print('left:', len(list(Path(zone._folder.name).iterdir())))"
_FOLDER = "print('folder:', zone._make_folder())"
_RESTART = "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
_SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"
# Whether Lab saves the state of the widgets as well; each call turns it around, for every page of this Lab.
_SAVE_WIDGETS = """() => window.jupyterapp.commands.execute(
    '@jupyter-widgets/jupyterlab-manager:saveWidgetState').catch(() => {})"""
_LOSE_CHUNKS = """() => {
    const send = WebSocket.prototype.send;
    let seen = 0;
    WebSocket.prototype.send = function (data) {
        const size = data.byteLength ?? data.length;
        if (size > 400000) {
            seen += 1;
            if ([3, 4, 9].includes(seen)) return;
        }
        send.call(this, data);
    };
}"""
_DROP = """(zone, [name, text]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], name));
    for (const type of ['dragenter', 'dragover', 'drop']) {
        zone.dispatchEvent(new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }
}"""


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A file name for the notebook of this test."""
    return f"components_{request.node.name}.ipynb"


@pytest.fixture
def studio(page: Page, lab: Server, name: str) -> Locator:
    """Three components, below each other; more cells keep the kernel busy and say what is left."""
    tests = str(ROOT)
    write_notebook(lab, name, _COMPONENTS.format(tests=tests), _BUSY, _LEFT, _FOLDER)
    open_notebook(page, lab, name)
    run_cells(page, lab, 0)
    studio = page.locator(".mnb-studio")
    expect(browse(studio)).to_be_visible(timeout=30_000)
    # When the cell has ended, Lab moves the keyboard to the next one.
    wait_for_kernel(page, lab)
    return studio


def browse(studio: Locator) -> Locator:
    return studio.get_by_role("button", name="Drop a song here, or browse")


def choose(studio: Locator, *files: Path) -> None:
    studio.locator("input[type=file]").set_input_files(list(files))


def noise(folder: Path, size: int, name: str = "long tone.wav") -> Path:
    """Write a file whose chunks all differ."""
    path = folder / name
    block = hashlib.shake_128(name.encode()).digest(1 << 20)
    with path.open("wb") as file:
        for number in range(-(-size // len(block))):
            file.write((number.to_bytes(4, "big") + block[4:])[: size - number * len(block)])
    return path


def arrived(studio: Locator, path: Path) -> None:
    """Expect that the kernel has the same file."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    expect(studio.get_by_text(f"{path.name} {path.stat().st_size} {digest}")).to_be_visible(timeout=60_000)


def test_40_megabytes_arrive_as_they_are(
    studio: Locator, tmp_path: Path, report_speed: Callable[[str], None]
) -> None:
    path = noise(tmp_path, 40 << 20)
    began = time.monotonic()
    choose(studio, path)
    expect(studio.get_by_role("progressbar", name="Upload of long tone.wav")).to_be_visible()
    expect(studio.get_by_text(re.compile(r"\d of 41\.9 MB · \d+\.\d MB/s"))).to_be_visible()
    words = studio.get_by_text(re.compile(r"^long tone\.wav · 41\.9 MB in"))
    expect(words).to_be_visible(timeout=60_000)
    report_speed(f"drop zone in Lab, 40 MiB: {40 / (time.monotonic() - began):.1f} MiB/s, “{words.inner_text()}”")
    arrived(studio, path)
    expect(browse(studio)).to_be_visible()


@pytest.mark.one_page(False)
def test_chunks_that_are_lost_are_sent_again(page: Page, studio: Locator, tmp_path: Path) -> None:
    page.evaluate(_LOSE_CHUNKS)
    path = noise(tmp_path, 12 << 20)
    choose(studio, path)
    arrived(studio, path)


def test_a_file_is_dropped(studio: Locator) -> None:
    zone = studio.locator(".mnb-drop-zone")
    zone.evaluate(_DROP, ["small.wav", "some bytes"])
    expect(studio.get_by_text(re.compile(r"small\.wav 10 [0-9a-f]{64}"))).to_be_visible()
    zone.evaluate(_DROP, ["song.m4a", "some bytes"])
    words = "song.m4a cannot be read here. Save it as wav or mp3 and drop it again."
    expect(studio.get_by_role("alert").get_by_text(words)).to_be_visible()
    zone.evaluate(_DROP, ["empty.wav", ""])
    expect(studio.get_by_role("alert").get_by_text("This file is empty.")).to_be_visible()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_file_is_chosen_with_the_keyboard(page: Page, studio: Locator, tmp_path: Path, key: str) -> None:
    with page.expect_file_chooser() as chooser:
        browse(studio).press(key)
    path = noise(tmp_path, 1000)
    chooser.value.set_files(path)
    arrived(studio, path)
    assert browse(studio).evaluate("node => node === document.activeElement"), "the keyboard comes back"


def test_an_upload_waits_for_a_busy_kernel(page: Page, lab: Server, studio: Locator, tmp_path: Path) -> None:
    run_cells(page, lab, 1)
    path = noise(tmp_path, 6 << 20)
    choose(studio, path)
    words = "The kernel is busy; the upload goes on as soon as it is free."
    expect(studio.get_by_text(words).first).to_be_visible()
    arrived(studio, path)
    expect(studio.get_by_text(words)).to_be_hidden()


def test_an_upload_is_cancelled(page: Page, lab: Server, studio: Locator, tmp_path: Path) -> None:
    run_cells(page, lab, 1)
    choose(studio, noise(tmp_path, 20 << 20))
    studio.get_by_role("button", name="Cancel").click()
    expect(studio.get_by_text("Stopped. Nothing was kept.")).to_be_visible()
    run_cells(page, lab, 2)
    expect(page.get_by_text("left: 0")).to_be_visible(timeout=20_000)


def test_another_file_takes_its_place(page: Page, lab: Server, studio: Locator, tmp_path: Path) -> None:
    run_cells(page, lab, 1)
    choose(studio, noise(tmp_path, 20 << 20, "first.wav"))
    second = noise(tmp_path, 3 << 20, "second.wav")
    choose(studio, second)
    arrived(studio, second)
    run_cells(page, lab, 2)
    expect(page.get_by_text("left: 1")).to_be_visible(timeout=20_000)


@pytest.mark.one_page(False)
def test_a_kernel_restarted_in_the_middle_is_said_and_leaves_nothing(
    page: Page, lab: Server, studio: Locator, tmp_path: Path
) -> None:
    run_cells(page, lab, 3, 1)
    folder = Path(page.get_by_text("folder: /").inner_text().split(": ")[1].strip())
    assert folder.is_dir()
    choose(studio, noise(tmp_path, 20 << 20))
    page.evaluate(_RESTART)
    expect(studio.get_by_role("alert").get_by_text("The kernel was restarted")).to_be_visible()
    until(lambda: not folder.exists())


def test_handles_are_moved_with_the_keyboard(page: Page, studio: Locator) -> None:
    start, end = (studio.get_by_role("slider", name=f"{side} of the excerpt") for side in ("Start", "End"))
    expect(start).to_have_attribute("aria-valuetext", "0:10")
    start.focus()
    for key, moment in (("ArrowRight", 11), ("ArrowUp", 12), ("ArrowLeft", 11), ("PageUp", 21), ("PageDown", 11)):
        page.keyboard.press(key)
        expect(start).to_have_attribute("aria-valuetext", f"0:{moment}")
        expect(studio.get_by_text(f"excerpt {moment} to 55")).to_be_visible()
    page.keyboard.press("End")
    expect(studio.get_by_text("excerpt 98 to 100")).to_be_visible()
    page.keyboard.press("Home")
    expect(studio.get_by_text("excerpt 0 to 60")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(end).to_have_attribute("aria-valuetext", "1:40")
    expect(studio.get_by_text("excerpt 40 to 100")).to_be_visible()
    assert end.evaluate("node => node === document.activeElement"), "Lab keeps its arrows to itself"


def test_handles_are_moved_with_the_mouse(page: Page, studio: Locator) -> None:
    field = studio.locator(".mnb-wave-field").bounding_box()
    assert field
    second, middle = field["width"] / 100, field["y"] + field["height"] / 2

    def drag(begin: float, end: float) -> None:
        page.mouse.move(field["x"] + begin * second, middle)
        page.mouse.down()
        page.mouse.move(field["x"] + (begin + end) / 2 * second, middle)
        page.mouse.move(field["x"] + end * second, middle)
        page.mouse.up()

    drag(10, 20)
    expect(studio.get_by_text(re.compile(r"excerpt (20|19\.9\d|20\.0\d) to 55"))).to_be_visible()
    drag(55, 30)
    expect(studio.get_by_text(re.compile(r"excerpt \S+ to (30|29\.9\d|30\.0\d)$"))).to_be_visible()
    drag(25, 95)
    expect(studio.get_by_text(re.compile(r"excerpt (90|89\.9\d|90\.0\d) to 100"))).to_be_visible()


@pytest.mark.one_page(False)
def test_an_excerpt_is_played_to_its_end(page: Page, studio: Locator) -> None:
    page.evaluate(
        """() => {
            window.plays = [];
            const play = HTMLMediaElement.prototype.play;
            HTMLMediaElement.prototype.play = function () {
                const began = performance.now();
                const note = () => window.plays.push([performance.now() - began, this.currentTime]);
                this.addEventListener('pause', note);
                return play.call(this);
            };
        }"""
    )
    studio.get_by_role("slider", name="Start").focus()
    page.keyboard.press("End")
    expect(studio.get_by_text("excerpt 98 to 100")).to_be_visible()
    studio.get_by_role("button", name="Play the excerpt").click()
    stop = studio.get_by_role("button", name="Stop the excerpt")
    expect(stop).to_be_visible()
    expect(studio.get_by_text("1:39 of 1:40")).to_be_visible()
    expect(stop).to_be_hidden()
    ((milliseconds, position),) = page.evaluate("window.plays")
    assert 1.9 <= position <= 2.2
    assert milliseconds >= 1900


def test_a_key_is_in_no_saved_notebook(page: Page, lab: Server, studio: Locator, name: str) -> None:
    secret = "sk-very-secret-0123456789"
    field = studio.get_by_label("Your AI/ML API key")
    expect(studio.get_by_text("For this kernel only; it is saved nowhere.")).to_be_visible()
    field.press_sequentially(secret)
    page.keyboard.press("Enter")
    expect(field).to_have_value("")
    expect(studio.get_by_text(f"a key of {len(secret)}")).to_be_visible()
    expect(studio.get_by_text("In use until this kernel ends.")).to_be_visible()
    page.evaluate(_SAVE_WIDGETS)
    try:
        page.evaluate(_SAVE)
        saved = (lab.root / name).read_text()
    finally:
        page.evaluate(_SAVE_WIDGETS)
    assert "Your AI" in json.dumps(json.loads(saved)), "the state of the widgets is saved"
    assert secret not in saved
    assert secret not in page.content()
