"""Two takes side by side on every front end: what comes out of the page is recorded, and measured with our meter."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Locator, Page, expect

from minimax_nb import Session, Song, SongRequest, Status
from minimax_nb.rehearsal.band.mixer import loudness
from tests.support.appearance import grave_issues, overflowing, take_screenshots, themes, widths
from tests.support.front_ends import Server, end_kernel, open_and_run, shown_studio, write_notebook
from tests.support.person import Person, studio_cell

pytestmark = pytest.mark.browser

RATE = 44100
# Whatever goes to the loudspeaker is written down by the page's own sound thread, quantum after quantum.
TAP = """
const recorded = [];
const code = `registerProcessor('tap', class extends AudioWorkletProcessor {
    process([input]) { this.port.postMessage(input[0] ?? new Float32Array(128)); return true; }
})`;
const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
const Plain = window.AudioContext;
window.AudioContext = class extends Plain {
    constructor(...options) {
        super(...options);
        this.bus = this.createGain();
        this.audioWorklet.addModule(address).then(() => {
            const tap = new AudioWorkletNode(this, 'tap', { channelCount: 1, channelCountMode: 'explicit' });
            tap.port.onmessage = ({ data }) => recorded.push(data);
            this.bus.connect(tap).connect(this.destination);
        });
    }
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode && this.context.bus) connect.call(this, this.context.bus);
    return connect.call(this, target, ...rest);
};
window.heard = (seconds) => {
    const blocks = recorded.slice(-Math.ceil(seconds * 44100 / 128));
    const samples = new Float32Array(blocks.flatMap((block) => [...block]));
    let text = '';
    for (const byte of new Uint8Array(samples.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
};
"""


def noise(path: Path, low: float, high: float, level: float, seconds: float) -> Path:
    """Write noise between two frequencies in Hz as an mp3."""
    samples = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(int(low)).standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1 / RATE)
    sound = np.fft.irfft(spectrum * ((low < hertz) & (hertz < high)), samples)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound * 10 ** (level / 20) / np.sqrt(np.mean(sound**2)), RATE, format="MP3")
    return path


@pytest.fixture
def takes(home: Path) -> list[Song]:
    """A take that is low and loud, and a newer one that is high, quiet and shorter; made of one reference."""
    session, request = Session(rehearse=True, home=home), SongRequest("minimax-music", "Rainy window", "", "")
    reference = noise(home / "references" / "reference.mp3", 1500, 2500, -18, 20)
    song = Song("", Status.COMPLETED, datetime.now(UTC), request=request, source=str(reference), rehearsal=True)
    for i, (low, high, level, seconds) in enumerate([(300, 1200, -14, 40), (3000, 8000, -26, 30)]):
        path = noise(home / "songs" / f"r{i}.mp3", low, high, level, seconds)
        created = song.created + timedelta(seconds=i)
        session.journal.add(
            replace(song, request_id=f"r{i}", id=f"g{i}", created=created, path=path, duration=float(seconds))
        )
    return session.songs()


@pytest.fixture
def person(
    page: Page, server: Server, request: pytest.FixtureRequest, takes: list[Song], home: Path
) -> Iterator[Person]:
    """Somebody whose library has two takes."""
    page.add_init_script(TAP)
    name = f"compare_{request.node.originalname}.ipynb"
    write_notebook(server, name, studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, server, name))
    person.look_at_takes()
    yield person
    end_kernel(page, server)


def choose(person: Person, letter: str, take: int) -> None:
    person.takes.nth(take).get_by_role("button", name=letter, exact=True).click()


def pair(person: Person) -> Locator:
    """The part of the page where A and B are played, once it can play."""
    found = person.studio.get_by_role("group", name="Side by side")
    expect(found.get_by_role("button", name="Play")).to_be_enabled(timeout=30_000)
    return found


def heard(person: Person, seconds: float) -> np.ndarray:
    """The last seconds that went to the loudspeaker."""
    return np.frombuffer(base64.b64decode(person.page.evaluate("seconds => heard(seconds)", seconds)), "float32")


def plays(person: Person) -> str:
    """Which of the two is heard right now: the low one is A, the high one is B."""
    person.page.wait_for_timeout(300)
    sound = heard(person, 0.1)
    crossings = int(np.count_nonzero(np.diff(np.signbit(sound))))
    return "" if np.abs(sound).max() < 1e-4 else "A" if crossings < 300 else "B"


def place(recording: np.ndarray, at: int, song: Song) -> int:
    """Which sample of a song is heard at one of a recording, counted from the beginning of the recording."""
    assert song.path is not None
    sound = soundfile.read(song.path, dtype="float32")[0]
    piece = recording[at : at + RATE // 2]
    size = 1 << (len(sound) + len(piece)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size)), size)
    return int(np.argmax(likeness[: len(sound)])) - at


def frames(recording: np.ndarray) -> np.ndarray:
    """The level of each 5 ms."""
    blocks = recording[: len(recording) // 220 * 220].reshape(-1, 220)
    return np.asarray(np.sqrt((blocks**2).mean(axis=1)))


def longest_run(flags: np.ndarray) -> int:
    """How many true values there are side by side, at most."""
    return max(map(len, "".join(".#"[flag] for flag in flags.astype(int)).split(".")))


def test_two_takes_are_switched_without_a_gap_at_the_same_place_and_equally_loud(
    person: Person, server: Server, takes: list[Song], report_speed: Callable[[str], None]
) -> None:
    b, a = takes
    choose(person, "A", 1)
    choose(person, "B", 0)
    sounds = pair(person)
    expect(sounds).to_contain_text(re.compile(r"A is turned down by \d+\.\d dB, so that both are equally loud\."))
    expect(sounds).to_contain_text("B is the shorter one: both end after 0:30.")
    take_screenshots(person, server, "c1-pair")
    sounds.get_by_role("button", name="Play").click()
    assert plays(person) == "A"
    person.page.wait_for_timeout(4000)
    person.page.keyboard.press("b")
    assert plays(person) == "B"
    person.page.wait_for_timeout(4000)
    recording = heard(person, 8)
    begin, end = recording[: RATE * 7 // 2], recording[-RATE * 7 // 2 :]
    levels = [20 * np.log10(np.std(each)) for each in (begin, end)]
    loud = [loudness(each) for each in (begin, end)]
    places = [place(recording, 0, a), place(recording, len(recording) - RATE, b)]
    silent = longest_run(frames(recording) < 0.1 * min(np.std(begin), np.std(end))) * 5
    away = 1000 * abs(places[0] - places[1]) / RATE
    figures = f"{loud[0] - loud[1]:+.2f} LU, {away:.2f} ms apart, silent for {silent} ms"
    report_speed(f"{server.front_end.name:>10}  A and B: {figures}")
    assert abs(loud[0] - loud[1]) <= 0.5
    assert abs(levels[0] - levels[1]) > 1, "it is loudness that is equal, and not the level"
    assert away <= 2
    assert silent <= 50

    person.page.keyboard.press("x")
    assert plays(person) == "A"
    expect(sounds.get_by_role("button", name="A", exact=True)).to_have_attribute("aria-pressed", "true")
    person.page.keyboard.press("2")
    assert plays(person) == "B"
    person.page.keyboard.press(" ")
    assert plays(person) == ""
    expect(sounds.get_by_role("button", name="Play")).to_be_visible()


def test_a_blind_test_hides_which_is_which_and_counts(person: Person, server: Server) -> None:
    choose(person, "A", 1)
    choose(person, "B", 0)
    sounds = pair(person)
    sounds.get_by_role("button", name="Blind test").click()
    expect(sounds).to_contain_text("0 votes so far.")
    expect(sounds).not_to_contain_text("Rainy window")
    expect(sounds.get_by_role("button", name="A", exact=True)).to_have_count(0)
    for number in range(1, 7):
        better = [sounds.get_by_role("button", name=f"{each} is better") for each in (1, 2)]
        sounds.get_by_role("button", name="1", exact=True).click()
        first = plays(person)
        expect(better[0]).to_be_disabled()
        person.page.keyboard.press("x")
        assert {first, plays(person)} == {"A", "B"}
        if number == 1:
            take_screenshots(person, server, "c2-blind")
        better[0 if first == "B" else 1].click()
        expect(sounds).to_contain_text(f"{number} vote")
        assert plays(person) == ""
    sounds.get_by_role("button", name="Reveal").click()
    expect(sounds).to_contain_text(
        "0 votes for A, 6 for B. Coin tosses lead as clearly in about 3 of 100 tests, so it is"
    )
    expect(sounds).to_contain_text("Rainy window")
    take_screenshots(person, server, "c3-revealed")


@pytest.mark.parametrize("server", ["lab"], indirect=True)
def test_it_can_be_read_everywhere_and_is_there_when_the_page_is_loaded_again(person: Person, server: Server) -> None:
    found: list[str] = []

    def check(state: str) -> None:
        for theme in themes(person.page):
            found.extend(f"{state}, {theme}: {issue}" for issue in grave_issues(person.page))
        for width in widths(person):
            found.extend(f"{state}, {width} px: {node} is cut off" for node in overflowing(person))
        take_screenshots(person, server, f"c-{state}")

    choose(person, "A", 0)
    person.sees("Press B at another take")
    check("one")
    person.press("Compare with its reference")
    sounds = pair(person)
    expect(sounds).to_contain_text("B is the reference of “Rainy window”.")
    check("reference")
    sounds.get_by_role("button", name="Blind test").click()
    for letter in "12":
        sounds.get_by_role("button", name=letter, exact=True).click()
    check("blind")
    sounds.get_by_role("button", name="1 is better").click()
    sounds.get_by_role("button", name="Reveal").click()
    expect(sounds).to_contain_text(
        re.compile(r"(1 vote for A, 0|0 votes for A, 1) for B\. Coin tosses would say as much")
    )
    check("revealed")
    assert not found, "\n".join(sorted(set(found)))

    person.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    person.page.reload()
    again = pair(Person(person.page, shown_studio(person.page)))
    expect(again).to_contain_text("1 vote so far.")
    expect(again).not_to_contain_text("Rainy window")
    again.get_by_role("button", name="Reveal").click()
    expect(again).to_contain_text(
        re.compile(r"(1 vote for A, 0|0 votes for A, 1) for B\. Coin tosses would say as much")
    )
    expect(again).to_contain_text("B is the reference of “Rainy window”.")
    again.get_by_role("button", name="B", exact=True).click()
    expect(again.get_by_role("button", name="Stop")).to_be_visible()
