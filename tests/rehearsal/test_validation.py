"""What the rehearsal service rejects, and that nothing is accepted or kept then."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.service import (
    AUDIO,
    Running,
    check_error,
    data_uri,
    good_body,
)


def issues(answer: requests.Response) -> dict[str, dict[str, Any]]:
    """The rows of a rejected body, by the field they name."""
    assert check_error(answer, 400) == "Invalid payload provided"
    return {row["path"][0]: row for row in answer.json()["error"]["data"]}


@pytest.mark.parametrize(
    ("field", "value", "expected", "received"),
    [
        ("prompt", "", "a text of 1 to 600 characters", "a text of 0 characters"),
        ("prompt", "x" * 601, "a text of 1 to 600 characters", "a text of 601 characters"),
        ("prompt", 5, "a text of 1 to 600 characters", "a number"),
        ("prompt", None, "a text of 1 to 600 characters", "null"),
        ("model", None, "the name of a model", "null"),
        ("style", "calm", "nothing", "a field"),
        ("lyrics", "la " * 5, "nothing", "a field"),
        ("tempo", "fast", "a number from 40 to 240", "a text of 4 characters"),
        ("tempo", True, "a number from 40 to 240", "true"),
        ("tempo", 300, "a number from 40 to 240", "a number"),
        ("seed", -1, "a whole number from 0 to 4294967295", "a number"),
        ("seed", 1.5, "a whole number from 0 to 4294967295", "a number"),
        ("key", [], 'a text of 1 to 20 characters, such as "A minor"', "an array"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_accepted(
    service: Running, field: str, value: object, expected: str, received: str
) -> None:
    before = len(service.jobs())
    found = issues(service.submit(good_body(**{field: value})))
    assert list(found) == [field]
    assert (found[field]["expected"], found[field]["received"]) == (expected, received)
    assert len(service.jobs()) == before


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://example.org/a.mp3", "an http(s) URL"),
        ("file:///etc/passwd", "an http(s) URL"),
        ("song.mp3", "an http(s) URL"),
        ("http://", "an http(s) URL"),
        ("http://[::1", "an http(s) URL"),
        ("data:audio/mpeg,abc", "an http(s) URL"),
        (data_uri(b"words", "text/plain"), "an http(s) URL"),
        ("data:audio/mpeg;base64,", "audio after data:"),
        ("data:audio/mpeg;base64,QUJ*", "valid base64"),
        ("data:audio/mpeg;base64,QUJ", "valid base64"),
        ("data:audio/mpeg;base64,QQ==QUJD", "valid base64"),
        ("data:audio/mpeg;base64,\u00e9", "valid base64"),
    ],
)
def test_a_reference_that_cannot_be_one_is_named(service: Running, url: str, expected: str) -> None:
    before = len(service.jobs())
    found = issues(service.submit(good_body(reference_audio_url=url)))
    assert list(found) == ["reference_audio_url"]
    assert expected in found["reference_audio_url"]["expected"]
    assert len(service.jobs()) == before


@pytest.mark.parametrize(
    ("changes", "field"), [({"prompt": "short"}, "prompt"), ({"audio_setting": {"format": "pcm"}}, "audio_setting")]
)
def test_a_wrong_field_of_a_cover_is_named(service: Running, changes: dict[str, Any], field: str) -> None:
    body = good_body(**{"model": "minimax/music-cover", "prompt": "a calm folk song", **changes})
    assert list(issues(service.submit(body))) == [field]


def test_a_rejected_submit_has_an_inference_id_that_names_no_song(service: Running) -> None:
    answer = service.submit(good_body(prompt=""))
    check_error(answer, 400)
    check_error(service.retrieve(answer.headers["x-inference-id"]), 404)


@pytest.mark.parametrize("field", ["prompt", "reference_audio_url"])
def test_a_missing_field_is_named(service: Running, field: str) -> None:
    body = good_body()
    del body[field]
    row = issues(service.submit(body))[field]
    assert (row["received"], row["message"]) == ("undefined", "Required")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1]", b'"text"', b'{"seed": NaN}', b"\xff\xfe", b"[" * 100_000, b"null"]
)
def test_a_body_that_is_not_a_json_object_is_rejected(service: Running, text: bytes) -> None:
    answer = service.ask("POST", AUDIO, data=text, headers={"Content-Type": "application/json"})
    assert "Expected a JSON object" in check_error(answer, 400)


def test_another_content_type_is_rejected(service: Running) -> None:
    answer = service.ask("POST", AUDIO, data=json.dumps(good_body()), headers={"Content-Type": "text/plain"})
    assert "application/json" in check_error(answer, 400)


def test_an_unknown_model_is_not_found(service: Running) -> None:
    assert "suno" in check_error(service.submit(good_body(model="suno")), 404)


def test_a_body_that_is_too_large_gets_a_413(service: Running) -> None:
    before = len(service.jobs())
    for length in (True, False):
        blocks = [b'{"reference_audio_url": "data:audio/mpeg;base64,', *[b"A" * 1_000_000] * 33]
        answer = service.ask(
            "POST",
            AUDIO,
            data=b"".join(blocks) if length else iter(blocks),
            headers={"Content-Type": "application/json"},
        )
        assert "at most 32 MB" in check_error(answer, 413)
    assert len(service.jobs()) == before


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic abc", "Bearer ", "Bearer \xe9"])
@pytest.mark.parametrize("path", [AUDIO, "/v2/logs", "/v2/billing", "/rehearsal/faults"])
def test_nothing_is_answered_without_a_valid_key(service: Running, path: str, given: str) -> None:
    answer = service.ask("GET", path, headers={"Authorization": given.encode("latin-1")})
    assert "requires a valid API key" in check_error(answer, 401, path)


def test_a_submit_that_breaks_off_is_not_accepted(service: Running) -> None:
    before = len(service.jobs())
    body = json.dumps(good_body()).encode()
    with socket.create_connection(("127.0.0.1", urlsplit(service.address.base_url).port or 0)) as connection:
        head = f"POST {AUDIO} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {service.address.key}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-10])
    assert service.ask("GET", "/v2/billing").status_code == 200
    assert len(service.jobs()) == before


def test_a_submit_without_a_key_leaves_nothing_on_disk(service: Running) -> None:
    before = set((service.home / "rehearsal" / "jobs").iterdir())
    answer = service.ask("POST", AUDIO, json=good_body(), headers={"Authorization": "Bearer no"})
    check_error(answer, 401)
    assert set((service.home / "rehearsal" / "jobs").iterdir()) == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_another_host_name_is_rejected(service: Running, host: str) -> None:
    check_error(service.ask("GET", "/v2/billing", headers={"Host": host}), 403, "/v2/billing")


def test_unknown_paths_methods_and_songs(service: Running) -> None:
    check_error(service.ask("GET", "/v3/none"), 404, "/v3/none")
    check_error(service.ask("DELETE", "/v2/logs"), 405, "/v2/logs")
    assert "gone:minimax-music" in check_error(service.retrieve("gone:minimax-music"), 404)
    assert "generation_id" in check_error(service.ask("GET", AUDIO), 400)


@pytest.mark.parametrize("given", ["a b", "x" * 129, "a/b", "é".encode().decode("latin-1")])
def test_an_invalid_client_request_id_is_dropped(service: Running, given: str) -> None:
    answer = service.submit(client_request_id=given)
    assert "X-Client-Request-Id" not in answer.headers
    assert service.jobs()[-1]["client_request_id"] == ""
