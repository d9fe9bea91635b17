"""A file in cloud storage behind a signed link: put there, signed, fetched, deleted; against a real S3 protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import s3fs

from minimax_nb.errors import InvalidOption, Unreachable
from minimax_nb.hosts import bucket
from minimax_nb.hosts.bucket import Bucket, sweep
from minimax_nb.hosts.links import check_link
from tests.support import ROOT
from tests.support.service import audio_bytes
from tests.support.storage import Storage, storage  # noqa: F401  (a fixture)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "references" / "abc.mp3"
    path.parent.mkdir()
    path.write_bytes(audio_bytes(20))
    return path


def notes(file: Path) -> list[Path]:
    return [path for path in file.parent.iterdir() if path != file]


def test_it_is_there_while_it_is_needed_behind_a_link_of_an_hour(storage: Storage, file: Path) -> None:  # noqa: F811
    with Bucket("s3://songs/of/mine").share(file) as url:
        (key,) = storage.objects
        assert key.startswith("of/mine/minimax_nb-")
        assert len(key) > 40
        assert key.endswith(".mp3")
        assert requests.get(url, timeout=10).content == file.read_bytes()
        assert requests.get(url.partition("?")[0], timeout=10).status_code != 200 or "Signature" in url
        query = parse_qs(urlsplit(url).query)
        assert {"X-Amz-Expires", "Expires"} & set(query)
        check_link(url, local=True)
        (note,) = notes(file)
        assert "Signature" not in note.read_text()
        assert "the-secret" not in note.read_text() + url
    assert not storage.objects
    assert not notes(file)


def test_a_failure_of_the_song_leaves_no_object(storage: Storage, file: Path) -> None:  # noqa: F811
    with pytest.raises(ZeroDivisionError), Bucket("s3://songs").share(file):
        _ = 1 / 0
    assert not storage.objects
    assert not notes(file)


def test_a_storage_that_does_not_take_it_says_why(storage: Storage, file: Path) -> None:  # noqa: F811
    with pytest.raises(Unreachable) as caught, Bucket("s3://no-such-bucket/x").share(file):
        pytest.fail("there is no link")
    assert "could not be uploaded to s3://no-such-bucket/x: FileNotFoundError" in str(caught.value)
    assert "Nothing was spent." in str(caught.value)
    assert "the-secret" not in str(caught.value)
    assert not notes(file)


KILLED = """
import os, sys
from pathlib import Path
from minimax_nb.hosts.bucket import Bucket
with Bucket("s3://songs/x").share(Path(sys.argv[1])):
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_what_a_killed_process_left_is_deleted_by_the_next(storage: Storage, file: Path) -> None:  # noqa: F811
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", KILLED, str(file)], env=environment, timeout=60, check=False)
    assert len(storage.objects) == 1
    assert not sweep(file.parent)
    assert not storage.objects
    assert not notes(file)


def test_a_song_that_is_being_made_keeps_its_reference(storage: Storage, file: Path) -> None:  # noqa: F811
    with Bucket("s3://songs").share(file):
        assert not sweep(file.parent)
        assert len(storage.objects) == 1
        (note,) = notes(file)
        os.utime(note, (0, 0))  # the link is dead: whoever shared it, perhaps on another computer, is done
        assert not sweep(file.parent)
        assert not storage.objects


def test_what_could_not_be_deleted_is_tried_again(
    storage: Storage,  # noqa: F811
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def cut(*_: object) -> None:
        raise OSError("no network")

    with monkeypatch.context() as broken:
        broken.setattr(s3fs.S3FileSystem, "_rm_file", cut)
        with Bucket("s3://songs").share(file):
            pass
        assert sweep(file.parent) == [f"s3://songs/{key}" for key in storage.objects]
        assert len(notes(file)) == 1
    assert not sweep(file.parent)
    assert not storage.objects
    assert not notes(file)


@pytest.mark.parametrize(
    "target", ["s3://", "s3://key:secret@bucket", "s3://bucket?x=1", "://bucket", "s3://my bucket", "S3 bucket"]
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(target: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        Bucket(target)
    assert "secret" not in str(caught.value)


def test_one_that_cannot_sign_says_so(file: Path) -> None:
    with pytest.raises(InvalidOption, match="cannot sign links"), Bucket("memory://x").share(file):
        pytest.fail("there is no link")
    assert not notes(file)


def test_a_missing_package_is_named_in_the_release_that_fits(file: Path) -> None:
    with pytest.raises(InvalidOption, match="pip install") as caught, Bucket("gs://bucket").share(file):
        pytest.fail("there is no link")
    from importlib.metadata import version

    assert f"gcsfs=={version('fsspec')}" in str(caught.value)
    assert not bucket.is_available("gs://")
    assert bucket.is_available("s3://")
    assert not notes(file)
