"""The components without a page: messages go in as a front end would send them."""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from traitlets import TraitError

from minimax_nb.studio.components import DropZone, KeyField, Listener, Player, Received, Recorder, Waveform, dropzone
from minimax_nb.studio.components.chunks import CHUNK, Inbox, shown_name
from minimax_nb.studio.components.waveform import thinned
from tests.studio.hand import PageEnd
from tests.support import until

KEY = "sk-very-secret-123"
BODY = os.urandom(2 * CHUNK + 1000)


@pytest.fixture
def files() -> list[Received]:
    return []


@pytest.fixture
def zone(files: list[Received]) -> Iterator[DropZone]:
    zone = DropZone(files.append, threading.RLock())
    yield zone
    zone.close()


@pytest.fixture
def page(zone: DropZone) -> PageEnd:
    return PageEnd(zone)


def files_of(zone: DropZone) -> list[Path]:
    """The files that the zone keeps."""
    return list(Path(zone._folder.name).iterdir()) if zone._folder else []


def ack(next: int, id: str = "a", **more: bool) -> dict[str, Any]:
    return {"type": "ack", "id": id, "next": next, **more}


# The upload


def test_a_file_arrives_whole(page: PageEnd, zone: DropZone, files: list[Received]) -> None:
    assert page.begin(BODY) == [ack(0)]
    assert [page.chunk(BODY, seq) for seq in range(3)] == [[ack(1)], [ack(2)], [ack(3)]]
    assert page.end(BODY) == [{"type": "done", "id": "a"}]
    (file,) = files
    assert file == Received(file.path, "song.wav", len(BODY))
    assert file.path.read_bytes() == BODY
    assert zone.problem == ""
    assert page.end(BODY) == [{"type": "done", "id": "a"}], "an answer that was lost is given again"


def test_what_is_not_its_turn_is_asked_for_again(page: PageEnd, files: list[Received]) -> None:
    page.begin(BODY)
    assert page.chunk(BODY, 2) == [ack(0, again=True)]
    assert page.chunk(BODY, 1) == [], "told once"
    assert page.chunk(BODY, 0) == [ack(1)]
    assert page.chunk(BODY, 0) == [ack(1)], "twice does no harm"
    assert page.chunk(BODY, 2) == [ack(1, again=True)]
    assert page.end(BODY) == [ack(1, again=True)], "chunks are missing"
    assert page.say({"type": "ask", "id": "a"}) == [ack(1, again=True)]
    page.chunk(BODY, 1)
    page.chunk(BODY, 2)
    page.end(BODY)
    assert files[0].path.read_bytes() == BODY


def test_a_wrong_checksum_is_said_and_leaves_nothing(page: PageEnd, zone: DropZone, files: list[Received]) -> None:
    page.begin(BODY)
    for seq in range(3):
        page.chunk(BODY, seq)
    (answer,) = page.say({"type": "end", "id": "a", "crc": zlib.crc32(BODY) ^ 1})
    assert answer["type"] == "stopped"
    assert not answer["again"]
    assert "damaged" in zone.problem
    assert not files
    assert not files_of(zone)
    page.upload(BODY, "b")
    assert zone.problem == ""
    assert files


def test_cancel_leaves_nothing(page: PageEnd, zone: DropZone) -> None:
    page.begin(BODY)
    page.chunk(BODY, 0)
    assert page.say({"type": "cancel", "id": "a"}) == []
    assert not files_of(zone)
    assert page.chunk(BODY, 1)[0]["type"] == "stopped"


def test_a_second_file_takes_the_place_of_the_first(page: PageEnd, zone: DropZone, files: list[Received]) -> None:
    page.begin(BODY, "a")
    page.chunk(BODY, 0)
    stopped, begun = page.begin(BODY, "b")
    assert (stopped["type"], stopped["id"], stopped["again"]) == ("stopped", "a", False)
    assert begun == ack(0, "b")
    assert len(files_of(zone)) == 1
    for seq in range(3):
        page.chunk(BODY, seq, "b")
    page.end(BODY, "b")
    assert len(files) == 1


def test_a_page_that_was_reloaded_leaves_nothing(page: PageEnd, zone: DropZone) -> None:
    assert not zone.seen
    page.begin(BODY)
    page.chunk(BODY, 0)
    (stopped,) = page.say({"type": "hello"})
    assert stopped["again"], "a page that still lives may begin again"
    assert zone.seen
    assert not files_of(zone)


def test_only_the_latest_file_is_kept_and_none_after_closing(
    page: PageEnd, zone: DropZone, files: list[Received]
) -> None:
    page.upload(BODY, "a")
    page.upload(BODY[:100], "b")
    assert files_of(zone) == [files[1].path]
    zone.close()
    assert not files[1].path.exists()


def test_what_the_taker_raises_is_shown() -> None:
    def refuse(file: Received) -> None:
        raise ValueError(f"{file.name} is silent.")

    zone = DropZone(refuse, threading.RLock())
    assert PageEnd(zone).upload(BODY) == [{"type": "done", "id": "a"}]
    assert zone.problem == "song.wav is silent."
    zone.close()


# What the page decodes


def decoding(page: PageEnd, zone: DropZone) -> Future[Path]:
    """Ask the page to decode what it sent, as a worker thread does; return what comes of it."""
    page.upload(BODY, "a", "memo.m4a")
    before = len(page.sent)
    pool = ThreadPoolExecutor(1)
    found = pool.submit(zone.decode)
    pool.shutdown(wait=False)
    until(lambda: page.sent[before:])
    assert page.sent[before:] == [{"type": "decode", "id": "a"}]
    return found


def test_a_file_is_decoded_by_the_page_that_sent_it(page: PageEnd, zone: DropZone, files: list[Received]) -> None:
    found = decoding(page, zone)
    wav = BODY[:1000]
    page.say({"type": "begin", "id": "b", "name": "memo.m4a", "size": len(wav), "decoded": True})
    page.chunk(wav, 0, "b")
    assert page.end(wav, "b") == [{"type": "done", "id": "b"}]
    assert found.result(5).read_bytes() == wav
    assert len(files) == 1, "it is not taken for another file"
    assert zone.note.endswith("decoded by this page")
    page.upload(BODY, "c")
    assert len(files) == 2


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"type": "undecoded", "id": "a", "why": "It is too long."}, "It is too long."),
        ({"type": "hello"}, "does not decode it any more"),
        ({"type": "cancel", "id": "a"}, "does not decode it any more"),
        ({"type": "begin", "id": "b", "name": "other.wav", "size": 10}, "does not decode it any more"),
        ({"type": "begin", "id": "b", "name": "memo.m4a", "size": 2**40, "decoded": True}, "too large"),
    ],
)
def test_a_page_that_does_not_decode_says_why(
    page: PageEnd, zone: DropZone, message: dict[str, Any], why: str
) -> None:
    found = decoding(page, zone)
    page.say(message)
    with pytest.raises(ValueError, match=why):
        found.result(5)


def test_a_page_that_says_nothing_is_not_waited_for_for_ever(
    page: PageEnd, zone: DropZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropzone, "PATIENCE", 0.1)
    with pytest.raises(ValueError, match="not decoded it in time"):
        decoding(page, zone).result(5)


def test_a_recording_arrives_as_a_file_does(files: list[Received]) -> None:
    recorder = Recorder(files.append, threading.RLock())
    assert PageEnd(recorder).upload(BODY, name="Recording 10.12.00.wav") == [{"type": "done", "id": "a"}]
    assert len(recorder._esm) < 21_000
    (file,) = files
    assert file.name == "Recording 10.12.00.wav"
    assert file.path.read_bytes() == BODY
    recorder.close()
    assert not file.path.exists()


def begin(page: PageEnd, size: int, name: object = "song.wav") -> list[dict[str, Any]]:
    """Begin an upload that says it has this size."""
    return page.say({"type": "begin", "id": "a", "name": name, "size": size})


@pytest.mark.parametrize(("size", "words"), [(0, "empty"), (2**33, "too large"), (2**52, "too large")])
def test_size_has_bounds(page: PageEnd, zone: DropZone, size: int, words: str) -> None:
    (answer,) = begin(page, size)
    assert answer["type"] == "stopped"
    assert words in zone.problem
    assert not files_of(zone)


def test_a_file_that_the_disk_has_no_room_for_is_not_taken(tmp_path: Path) -> None:
    inbox = Inbox(lambda: tmp_path, largest=2**52)
    assert "no room" in inbox.receive({"type": "begin", "id": "a", "name": "n", "size": 2**52}).problem


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
def test_a_malformed_beginning_is_left_alone(page: PageEnd, zone: DropZone, change: dict[str, Any]) -> None:
    page.say({"type": "begin", "id": "a", "name": "n", "size": 10, **change})
    assert zone.problem == ""
    assert not files_of(zone)


@pytest.mark.parametrize("content", [None, [], "begin", 3, {}])
def test_what_is_no_message_is_left_alone(page: PageEnd, zone: DropZone, content: Any) -> None:
    assert page.say(content) == []
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
def test_a_malformed_chunk_is_left_alone(page: PageEnd, change: dict[str, Any], data: bytes) -> None:
    page.begin(BODY)
    assert page.say({"type": "chunk", "id": "a", "seq": 0, "n": CHUNK, **change}, data) == []
    assert page.say({"type": "chunk", "id": "a", "seq": 0, "n": CHUNK}) == [], "without bytes"
    assert page.chunk(BODY, 0) == [ack(1)]


@pytest.mark.parametrize(("n", "length"), [(CHUNK, CHUNK - 1), (CHUNK + 1, CHUNK + 1), (5, CHUNK), (0, 0)])
def test_a_chunk_of_another_length_ends_the_upload(page: PageEnd, zone: DropZone, n: int, length: int) -> None:
    page.begin(BODY)
    (answer,) = page.say({"type": "chunk", "id": "a", "seq": 0, "n": n}, b"x" * length)
    assert answer["type"] == "stopped"
    assert not files_of(zone)


def test_where_the_page_prefers_text_bytes_come_and_go_as_base64(zone: DropZone, files: list[Received]) -> None:
    page = PageEnd(zone)
    page.begin(BODY)
    for seq in range(3):
        data = BODY[seq * CHUNK : (seq + 1) * CHUNK]
        page.say({"type": "chunk", "id": "a", "seq": seq, "n": len(data), "bytes": [b64encode(data).decode()]})
    page.end(BODY)
    assert files[0].path.read_bytes() == BODY

    player = Player()
    player.comm = Mock()
    player.load(lambda: b"sound", "song.mp3")
    assert player.comm.send.call_args.kwargs["buffers"] == [b"sound"]
    data = {"method": "custom", "content": {"type": "hello", "text": True}}
    player._handle_msg({"content": {"data": data}, "buffers": []})
    sent = player.comm.send.call_args.kwargs
    assert (sent["data"]["content"]["bytes"], sent["buffers"]) == ([b64encode(b"sound").decode()], None)


def test_more_chunks_than_the_file_has_end_it(page: PageEnd, zone: DropZone) -> None:
    begin(page, 10)
    page.say({"type": "chunk", "id": "a", "seq": 0, "n": 10}, b"x" * 10)
    (answer,) = page.say({"type": "chunk", "id": "a", "seq": 1, "n": 10}, b"x" * 10)
    assert answer["type"] == "stopped"
    assert not files_of(zone)


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
def test_names_are_for_showing(page: PageEnd, zone: DropZone, files: list[Received], name: Any, shown: str) -> None:
    assert shown_name(name) == shown
    begin(page, 1, name)
    page.say({"type": "chunk", "id": "a", "seq": 0, "n": 1}, b"x")
    page.end(b"x")
    assert files[0].name == shown
    assert files[0].path.parent == Path(zone._folder.name if zone._folder else "")
    assert files[0].path.name.startswith("upload-")


def test_a_disk_that_fails_is_said(page: PageEnd, zone: DropZone, monkeypatch: pytest.MonkeyPatch) -> None:
    page.begin(BODY)
    assert zone._inbox.incoming is not None

    def full(data: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zone._inbox.incoming, "_write", full)
    page.chunk(BODY, 0)
    assert "No space left" in zone.problem
    assert not files_of(zone)


def test_no_bytes_are_in_the_state(page: PageEnd, zone: DropZone) -> None:
    page.upload(BODY)
    state = {name: value for name, value in zone.get_state().items() if name not in ("_esm", "_css")}
    assert len(json.dumps(state)) < 1500


# The waveform


def test_a_waveform_shows_a_sound_and_its_excerpt() -> None:
    wave = Waveform(silence)
    wave.show([index % 50 for index in range(10_000)], 100, 0, 60)
    assert len(wave.peaks) == 400
    assert max(wave.peaks) == 1
    assert (wave.start, wave.end) == (0, 60)
    with pytest.raises(TraitError):
        wave.start = float("nan")


def silence() -> tuple[bytes, str]:
    return b"", "audio/mpeg"


def test_thinned_peaks() -> None:
    assert thinned([]) == []
    assert thinned([0, 0]) == [0, 0]
    assert thinned([-2, 1, float("nan")]) == [1, 0.5, 0]
    assert thinned([1, 4, 2, 2], 2) == [1, 0.5]


def test_play_sends_the_sound() -> None:
    page = PageEnd(Waveform(lambda: (b"sound", "audio/mpeg")))
    assert page.say({"type": "play", "turn": 3}) == [{"type": "sound", "turn": 3, "kind": "audio/mpeg"}]
    assert page.buffers[-1] == [b"sound"]


def test_what_cannot_be_played_is_said() -> None:
    def gone() -> tuple[bytes, str]:
        raise OSError("The file is gone.")

    wave = Waveform(gone)
    assert PageEnd(wave).say({"type": "play", "turn": "x"}) == [{"type": "silent", "turn": 0}]
    assert wave.problem == "The file is gone."


# The key


def test_a_key_is_handed_over_and_held_nowhere() -> None:
    keys: list[str] = []
    field = KeyField(keys.append)
    assert PageEnd(field).say({"type": "key", "value": f" {KEY}\n"}) == [{"type": "taken"}]
    assert keys == [KEY]
    assert field.note
    assert KEY not in repr(field) + str(field.get_state()) + str(field.trait_values()) + str(vars(field))


def test_an_error_does_not_give_the_key_away() -> None:
    def refuse(key: str) -> None:
        raise ValueError(f"{key} is no good.")

    field = KeyField(refuse)
    PageEnd(field).say({"type": "key", "value": KEY})
    assert field.problem == "… is no good."


@pytest.mark.parametrize("value", [None, 3, "", "  ", "a b", "x" * 513, "ключ", "a\x07b", ["k"]])
def test_what_is_no_key_is_not_handed_over(value: Any) -> None:
    keys: list[str] = []
    field = KeyField(keys.append)
    assert PageEnd(field).say({"type": "key", "value": value}) == [{"type": "taken"}]
    assert not keys
    assert "does not look like a key" in field.problem


# The player


def test_a_song_goes_to_each_page_that_is_opened_and_no_bytes_are_in_the_state() -> None:
    player = Player()
    page = PageEnd(player)
    assert page.say({"type": "hello"}) == []
    player.load(lambda: b"x" * 1000, "La.mp3")
    player.load(lambda: b"y" * 1000, "Lo.mp3", play=True)
    assert [(each["number"], each["name"], each["play"]) for each in page.sent] == [
        (1, "La.mp3", False),
        (2, "Lo.mp3", True),
    ]
    (again,) = page.say({"type": "hello"})
    assert (again["number"], again["play"]) == (2, False)
    assert page.buffers[-1] == [b"y" * 1000]
    assert "yyy" not in repr(player.get_state())


def test_a_song_whose_file_is_gone_is_said_when_a_page_is_opened_again() -> None:
    files = [b"sound"]
    player = Player()
    page = PageEnd(player)
    player.load(lambda: files.pop(), "La.mp3")
    page.say({"type": "hello"})
    assert player.problem


# All of them


@pytest.mark.parametrize(
    "make", [lambda: DropZone(print, threading.RLock()), lambda: Waveform(silence), lambda: KeyField(print), Player]
)
def test_components_are_small_and_close(make: Callable[[], Any]) -> None:
    component = make()
    assert len(component._esm) < 20_000
    assert "export default" in component._esm
    component.close()


def test_the_listener_answers_and_tells_the_kernels_time() -> None:
    page = PageEnd(Listener())
    assert page.say({"type": "ask", "id": "a" * 100}) == [{"type": "here", "id": "a" * 64}]
    (answer,) = page.say({"type": "hello"})
    assert answer["type"] == "time"
    assert abs(answer["now"] - time.time()) < 5


@pytest.mark.parametrize("kind", [KeyField, Waveform])
def test_an_unknown_keyword_is_an_error(kind: type[Any]) -> None:
    with pytest.raises(TypeError):
        kind(print, nonsense=1)
