"""What may be given for a host, and what there is on this computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from minimax_nb.errors import InvalidOption, InvalidReference
from minimax_nb.hosts.choice import advice, choose, ways
from tests.support.tunnel import put_on_path


def test_each_kind_of_host_has_a_name_to_show() -> None:
    assert choose(None).name == ""
    assert choose("tunnel").name == "a temporary public address"
    assert choose("s3://songs/of/mine/").name == "s3://songs/of/mine"
    assert choose(lambda path: "https://example.org/x").name == "your own function"


@pytest.mark.parametrize("told", ["", "tunel", "https://example.org", "file:///tmp", 7, "http://x"])
def test_anything_else_is_refused_with_what_there_is(told: object) -> None:
    with pytest.raises(InvalidOption, match="tunnel") as caught:
        choose(told)  # type: ignore[arg-type]
    assert "s3://bucket/folder" in str(caught.value)
    assert "a function" in str(caught.value)


def test_by_default_the_file_travels_inside_the_request(tmp_path: Path) -> None:
    file = tmp_path / "a.mp3"
    file.write_bytes(b"\x00\x01\xff")
    with choose(None).share(file) as url:
        assert url == "data:audio/mpeg;base64,AAH/"


def test_the_environment_may_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_NB_REFERENCE_HOST", "tunnel")
    assert choose(None).name == "a temporary public address"
    assert choose("s3://songs").name == "s3://songs"


def test_a_function_must_give_a_link(tmp_path: Path) -> None:
    with pytest.raises(InvalidReference, match="gave 'nowhere'"), choose(lambda path: "nowhere").share(tmp_path):
        pytest.fail("there is no link")


def test_the_ways_say_what_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    tunnel, storage, link = ways()
    assert "cloudflared" in tunnel.needs
    assert 'Session(reference_host="tunnel") (first: ' in advice()
    put_on_path(tmp_path, monkeypatch)
    tunnel = ways()[0]
    assert (tunnel.reference_host, tunnel.needs) == ("tunnel", "")
    assert "temporary public address?" in tunnel.question
    assert (storage.reference_host, link.reference_host) == ("s3://bucket/folder", "")
    assert 'Session(reference_host="tunnel") or' in advice()
