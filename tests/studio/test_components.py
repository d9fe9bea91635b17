"""The parts without a page: messages go in as a front end would send them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from minimax_nb.studio import components as parts
from minimax_nb.studio.components import DropZone, KeyField, Listener, Received, Waveform
from minimax_nb.studio.components.chunks import CHUNK, shown_name
from minimax_nb.studio.components.waveform import thinned

KEY = "sk-very-secret-123"
BODY = os.urandom(2 * CHUNK + 1000)


class Wire:
    """The page's end of a part's connection."""

    def __init__(self, part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.part = part
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[Sequence[bytes]] = []
        monkeypatch.setattr(part, "send", self._take)

    def _take(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.sent.append(content)
        self.buffers.append(buffers)

    def say(self, content: Any, *buffers: bytes) -> list[dict[str, Any]]:
        """Send a message and return the answers."""
        before = len(self.sent)
        data = {"method": "custom", "content": content}
        self.part._handle_msg({"content": {"data": data}, "buffers": [memoryview(buffer) for buffer in buffers]})
        return self.sent[before:]

    def begin(self, id: str = "a", size: int = len(BODY), name: str = "song.wav") -> list[dict[str, Any]]:
        return self.say({"type": "begin", "id": id, "name": name, "size": size})

    def chunk(self, seq: int, id: str = "a", body: bytes = BODY) -> list[dict[str, Any]]:
        data = body[seq * CHUNK : (seq + 1) * CHUNK]
        return self.say({"type": "chunk", "id": id, "seq": seq, "n": len(data)}, data)

    def end(self, id: str = "a", body: bytes = BODY) -> list[dict[str, Any]]:
        return self.say({"type": "end", "id": id, "crc": zlib.crc32(body)})

    def upload(self, id: str = "a", body: bytes = BODY) -> list[dict[str, Any]]:
        self.begin(id, len(body))
        for seq in range(-(-len(body) // CHUNK)):
            self.chunk(seq, id, body)
        return self.end(id, body)


@pytest.fixture
def files() -> list[Received]:
    return []


@pytest.fixture
def zone(files: list[Received]) -> Iterator[DropZone]:
    zone = DropZone(files.append)
    yield zone
    zone.close()


@pytest.fixture
def wire(zone: DropZone, monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(zone, monkeypatch)


def kept(zone: DropZone) -> list[Path]:
    """The files that the zone keeps."""
    return list(Path(zone._folder.name).iterdir()) if zone._folder else []


def ack(next: int, id: str = "a", **more: bool) -> dict[str, Any]:
    return {"type": "ack", "id": id, "next": next, **more}


# The upload


def test_a_file_arrives_whole(wire: Wire, zone: DropZone, files: list[Received]) -> None:
    assert wire.begin() == [ack(0)]
    assert zone.uploading == "song.wav"
    assert [wire.chunk(seq) for seq in range(3)] == [[ack(1)], [ack(2)], [ack(3)]]
    assert wire.end() == [{"type": "done", "id": "a"}]
    (file,) = files
    assert file == Received(file.path, "song.wav", len(BODY))
    assert file.path.read_bytes() == BODY
    assert zone.uploading == zone.problem == ""
    assert wire.end() == [{"type": "done", "id": "a"}], "an answer that was lost is given again"


def test_what_is_not_its_turn_is_asked_for_again(wire: Wire, files: list[Received]) -> None:
    wire.begin()
    assert wire.chunk(2) == [ack(0, again=True)]
    assert wire.chunk(1) == [], "told once"
    assert wire.chunk(0) == [ack(1)]
    assert wire.chunk(0) == [ack(1)], "twice does no harm"
    assert wire.chunk(2) == [ack(1, again=True)]
    assert wire.end() == [ack(1, again=True)], "chunks are missing"
    assert wire.say({"type": "ask", "id": "a"}) == [ack(1, again=True)]
    wire.chunk(1)
    wire.chunk(2)
    wire.end()
    assert files[0].path.read_bytes() == BODY


def test_a_wrong_checksum_is_said_and_leaves_nothing(wire: Wire, zone: DropZone, files: list[Received]) -> None:
    wire.begin()
    for seq in range(3):
        wire.chunk(seq)
    (answer,) = wire.say({"type": "end", "id": "a", "crc": zlib.crc32(BODY) ^ 1})
    assert answer["type"] == "stopped"
    assert not answer["again"]
    assert "damaged" in zone.problem
    assert not files
    assert not kept(zone)
    wire.upload("b")
    assert zone.problem == ""
    assert files


def test_cancel_leaves_nothing(wire: Wire, zone: DropZone) -> None:
    wire.begin()
    wire.chunk(0)
    assert wire.say({"type": "cancel", "id": "a"}) == []
    assert not kept(zone)
    assert zone.uploading == ""
    assert wire.chunk(1)[0]["type"] == "stopped"


def test_a_second_file_takes_the_place_of_the_first(wire: Wire, zone: DropZone, files: list[Received]) -> None:
    wire.begin("a")
    wire.chunk(0)
    stopped, begun = wire.begin("b")
    assert (stopped["type"], stopped["id"], stopped["again"]) == ("stopped", "a", False)
    assert begun == ack(0, "b")
    assert len(kept(zone)) == 1
    for seq in range(3):
        wire.chunk(seq, "b")
    wire.end("b")
    assert len(files) == 1


def test_a_page_that_was_reloaded_leaves_nothing(wire: Wire, zone: DropZone) -> None:
    assert not zone.seen
    wire.begin()
    wire.chunk(0)
    (stopped,) = wire.say({"type": "hello"})
    assert stopped["again"], "a page that still lives may begin again"
    assert zone.seen
    assert not kept(zone)
    assert zone.uploading == ""


def test_only_the_latest_file_is_kept_and_none_after_closing(
    wire: Wire, zone: DropZone, files: list[Received]
) -> None:
    wire.upload("a")
    wire.upload("b", BODY[:100])
    assert kept(zone) == [files[1].path]
    zone.close()
    assert not files[1].path.exists()


def test_what_the_taker_says_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Received) -> None:
        raise ValueError(f"{file.name} is silent.")

    zone = DropZone(refuse)
    assert Wire(zone, monkeypatch).upload() == [{"type": "done", "id": "a"}]
    assert zone.problem == "song.wav is silent."
    zone.close()


def test_size_has_bounds(wire: Wire, zone: DropZone) -> None:
    zone._inbox._most = 1000
    for size, word in ((0, "empty"), (1001, "too large"), (2**52, "too large")):
        (answer,) = wire.begin(size=size)
        assert answer["type"] == "stopped"
        assert word in zone.problem
    zone._inbox._most = 2**52
    wire.begin(size=2**52)
    assert "no room" in zone.problem
    assert not kept(zone)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../etc"},
        {"id": "x" * 65},
        {"id": None},
        {"id": ["a"]},
        {"size": -1},
        {"size": True},
        {"size": 1e6},
        {"size": "7"},
        {"size": 2**60},
        {"type": "delete"},
        {"type": None},
        {"type": []},
    ],
)
def test_a_malformed_beginning_is_left_alone(wire: Wire, zone: DropZone, change: dict[str, Any]) -> None:
    wire.say({"type": "begin", "id": "a", "name": "n", "size": 10, **change})
    assert zone.uploading == zone.problem == ""
    assert not kept(zone)


@pytest.mark.parametrize("content", [None, [], "begin", 3, {}])
def test_what_is_no_message_is_left_alone(wire: Wire, zone: DropZone, content: Any) -> None:
    assert wire.say(content) == []
    assert zone.problem == ""


@pytest.mark.parametrize(
    ("change", "data"),
    [
        ({"seq": -1}, b"x" * CHUNK),
        ({"seq": True}, b"x" * CHUNK),
        ({"seq": 0.0}, b"x" * CHUNK),
        ({"seq": 2**70}, b"x" * CHUNK),
        ({"n": None}, b"x" * CHUNK),
    ],
)
def test_a_malformed_chunk_is_left_alone(wire: Wire, change: dict[str, Any], data: bytes) -> None:
    wire.begin()
    assert wire.say({"type": "chunk", "id": "a", "seq": 0, "n": CHUNK, **change}, data) == []
    assert wire.say({"type": "chunk", "id": "a", "seq": 0, "n": CHUNK}) == [], "without bytes"
    assert wire.chunk(0) == [ack(1)]


@pytest.mark.parametrize(("n", "length"), [(CHUNK, CHUNK - 1), (CHUNK + 1, CHUNK + 1), (5, CHUNK), (0, 0)])
def test_a_chunk_of_another_length_ends_the_upload(wire: Wire, zone: DropZone, n: int, length: int) -> None:
    wire.begin()
    (answer,) = wire.say({"type": "chunk", "id": "a", "seq": 0, "n": n}, b"x" * length)
    assert answer["type"] == "stopped"
    assert not kept(zone)


def test_more_chunks_than_the_file_has_end_it(wire: Wire, zone: DropZone) -> None:
    wire.begin(size=10)
    wire.say({"type": "chunk", "id": "a", "seq": 0, "n": 10}, b"x" * 10)
    (answer,) = wire.say({"type": "chunk", "id": "a", "seq": 1, "n": 10}, b"x" * 10)
    assert answer["type"] == "stopped"
    assert not kept(zone)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.wav", "a.wav"),
        ("a\x00b\n.wav", "ab.wav"),
        ("\u202egpj.wav", "gpj.wav"),
        ("x" * 5000, "x" * 120),
        ("", "a file"),
        (None, "a file"),
        ("..", ".."),
    ],
)
def test_names_are_for_showing(wire: Wire, zone: DropZone, files: list[Received], name: Any, shown: str) -> None:
    assert shown_name(name) == shown
    wire.begin(size=1, name=name)
    wire.say({"type": "chunk", "id": "a", "seq": 0, "n": 1}, b"x")
    wire.end(body=b"x")
    assert files[0].name == shown
    assert files[0].path.parent == Path(zone._folder.name if zone._folder else "")
    assert files[0].path.name.startswith("upload-")


def test_a_zone_that_is_off_takes_nothing(wire: Wire, zone: DropZone) -> None:
    zone.disabled = True
    assert wire.begin() == []
    assert not kept(zone)


def test_a_disk_that_fails_is_said(wire: Wire, zone: DropZone, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.begin()
    assert zone._inbox.incoming is not None

    def full(data: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zone._inbox.incoming, "_write", full)
    wire.chunk(0)
    assert "No space left" in zone.problem
    assert not kept(zone)


def test_no_bytes_are_in_the_state(wire: Wire, zone: DropZone) -> None:
    wire.upload()
    state = {name: value for name, value in zone.get_state().items() if name not in ("_esm", "_css")}
    assert len(json.dumps(state)) < 1500
    assert "uploading" not in state


# The waveform


def test_a_waveform_shows_and_bounds() -> None:
    wave = Waveform(minimum=15, maximum=60)
    wave.show([index % 50 for index in range(10_000)], 100)
    assert len(wave.peaks) == 400
    assert max(wave.peaks) == 1
    assert wave.excerpt == (0, 60)
    wave.set_state({"start": 90, "end": 95})
    assert wave.excerpt == (85, 100)
    assert Waveform(readonly=True).excerpt == (0, 0)


def test_thinned_peaks() -> None:
    assert thinned([]) == []
    assert thinned([0, 0]) == [0, 0]
    assert thinned([-2, 1, float("nan")]) == [1, 0.5, 0]
    assert thinned([1, 4, 2, 2], 2) == [1, 0.5]


def test_play_sends_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = Waveform(lambda: (b"sound", "audio/mpeg"))
    wire = Wire(wave, monkeypatch)
    assert wire.say({"type": "play", "turn": 3}) == [{"type": "sound", "turn": 3, "kind": "audio/mpeg"}]
    assert wire.buffers[-1] == [b"sound"]


def test_what_cannot_be_played_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> tuple[bytes, str]:
        raise OSError("The file is gone.")

    wave = Waveform(gone)
    assert Wire(wave, monkeypatch).say({"type": "play", "turn": "x"}) == [{"type": "silent", "turn": 0}]
    assert wave.problem == "The file is gone."


# The key


def test_a_key_is_handed_over_and_held_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    field = KeyField(keys.append)
    assert Wire(field, monkeypatch).say({"type": "key", "value": f" {KEY}\n"}) == [{"type": "taken"}]
    assert keys == [KEY]
    assert field.note
    assert KEY not in repr(field) + str(field.get_state()) + str(field.trait_values()) + str(vars(field))


def test_an_error_does_not_give_the_key_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: str) -> None:
        raise ValueError(f"{key} is no good.")

    field = KeyField(refuse)
    Wire(field, monkeypatch).say({"type": "key", "value": KEY})
    assert field.problem == "… is no good."


@pytest.mark.parametrize("value", [None, 3, "", "  ", "a b", "x" * 513, "ключ", "a\x07b", ["k"]])
def test_what_is_no_key_is_not_handed_over(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    keys: list[str] = []
    field = KeyField(keys.append)
    assert Wire(field, monkeypatch).say({"type": "key", "value": value}) == [{"type": "taken"}]
    assert not keys
    assert "does not look like a key" in field.problem


# The house


@pytest.mark.parametrize("make", [lambda: DropZone(print), Waveform, lambda: KeyField(print)])
def test_parts_are_small_and_close(make: Callable[[], Any]) -> None:
    part = make()
    assert len(part._esm) + len(part._css) < 40_000
    assert "export default" in part._esm
    part.close()


def test_the_listener_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(Listener(), monkeypatch)
    wire.say({"type": "ask", "id": "a" * 100})
    assert wire.sent == [{"type": "here", "id": "a" * 64}]


def test_an_unknown_keyword_is_an_error() -> None:
    for part in (DropZone, KeyField):
        with pytest.raises(TypeError):
            part(print, nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Waveform(nonsense=1)  # type: ignore[call-arg]


def test_without_anywidget_the_studio_still_imports() -> None:
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "from minimax_nb.studio import components as parts, studio\n"
        "assert not parts.available() and parts.Received and studio.MusicStudio"
    )
    root = Path(parts.__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env={**os.environ, "PYTHONPATH": str(root)})
    assert parts.available()
