"""Where a library lies, and one on a network mount."""

from __future__ import annotations

import json
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from minimax_nb import Session, Status
from minimax_nb import session as session_module
from minimax_nb.errors import LibraryError
from minimax_nb.library import drive as colab
from minimax_nb.library.journal import Journal
from minimax_nb.library.storage import Library, locate, on_network
from minimax_nb.song import Song, SongRequest
from tests.support.service import audio_bytes, guest, running_service


@pytest.fixture
def drive(tmp_path: Path) -> Library:
    """A library whose songs are elsewhere than its database, as on a network mount."""
    return Library(tmp_path / "drive", tmp_path / "local", remote=True)


def new_song(name: str = "a", **changes: object) -> Song:
    request = SongRequest("minimax-music", "la ł", "##la ł##", "a.wav, 0:20", {"seed": 7})
    song = Song(name, Status.SENDING, datetime.now(UTC), model="minimax-music", request=request)
    return replace(song, **changes)  # type: ignore[arg-type]


def test_a_local_library_is_one_folder(tmp_path: Path) -> None:
    assert locate(tmp_path) == Library(tmp_path, tmp_path)
    assert not on_network(tmp_path)


def test_the_database_of_a_library_on_a_network_mount_stays_on_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = locate("/content/drive/MyDrive/songs")
    assert found.remote
    assert found.home == Path("/content/drive/MyDrive/songs")
    assert not found.database.is_relative_to(found.home)
    assert locate("/content/drive/MyDrive/other").database != found.database


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the system say what is mounted, as ``/proc/mounts`` does."""

    def mount(*lines: str) -> None:
        table = tmp_path / "proc" / "self" / "mounts"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("".join(f"{line} 0 0\n" for line in ("/dev/sda1 / ext4 rw", *lines)))
        monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path / "proc"), raising=False)

    return mount


@pytest.mark.parametrize(
    ("mount", "remote"),
    [
        ("server:/songs {} nfs4 rw,relatime", True),
        ("10.0.0.1@tcp:/work {} lustre rw,flock", True),
        ("gpfs0 {} gpfs rw", True),
        ("beegfs_nodev {} beegfs rw", True),
        ("10.0.0.1:6789:/ {} ceph rw", True),
        ("shared {} virtiofs rw", True),
        ("user@server:/songs {} fuse.sshfs rw", True),
        ("bucket {} fuse.gcsfuse rw", True),
        ("whatever {} fuse rw", True),
        ("share {} 9p rw,trans=virtio", True),
        ("//server/share {} smb3 rw", True),
        ("//server/share {} cifs rw", True),
        ("//server/share {} nobody_knows rw", True),
        ("server:/volume {} nobody_knows rw", True),
        ("/dev/sdb1 {} ocfs2 rw,_netdev", True),
        ("/dev/sdb1 {} nobody_knows rw,_netdev", True),
        ("/dev/sdb1 {} ext4 rw", False),
        ("/dev/sdb1 {} fuseblk rw", False),
        ("tmpfs {} tmpfs rw", False),
        ("overlay {} overlay rw,lowerdir=/a:/b", False),
    ],
)
def test_a_network_disk_is_told_by_what_is_mounted(
    mount: str, remote: bool, mounts: Callable[..., None], tmp_path: Path
) -> None:
    mounts(mount.format(tmp_path / "share"))
    found = locate(tmp_path / "share" / "my songs")
    assert (found.remote, on_network(tmp_path)) == (remote, False)
    assert found.database.is_relative_to(found.home) is not remote


def test_of_two_mounts_at_one_place_the_later_counts(mounts: Callable[..., None], tmp_path: Path) -> None:
    share = tmp_path / "share"
    mounts(f"systemd-1 {share} autofs rw", f"server:/songs {share} nfs4 rw")
    assert on_network(share)


def test_a_link_to_a_network_disk_is_one(mounts: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "songs").symlink_to(tmp_path / "share")
    mounts(f"server:/songs {tmp_path / 'share'} lustre rw")
    assert locate(tmp_path / "songs").remote


def test_where_home_is_a_network_disk_too_the_database_is_in_a_private_folder_of_this_computer(
    mounts: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "me"))
    mounts(f"server:/home {tmp_path / 'home'} nfs4 rw")
    found = locate()
    assert found.remote
    assert found.home.is_relative_to(tmp_path / "home")
    assert found.database.is_relative_to(temporary)
    (folder,) = temporary.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)  # as somebody else might have made it
    assert not locate().database.is_relative_to(temporary)


def test_only_songs_and_one_note_each_lie_on_the_mount(drive: Library) -> None:
    journal = Journal(drive)
    song = journal.add(new_song())
    journal.step(song, Status.QUEUED, id="x")
    assert [path.relative_to(drive.home).as_posix() for path in drive.home.rglob("*") if path.is_file()] == [
        "songs/a.json"
    ]
    assert json.loads((drive.home / "songs" / "a.json").read_text(encoding="utf-8"))["id"] == "x"


def test_another_computer_takes_the_songs_up(drive: Library, tmp_path: Path) -> None:
    here = Journal(drive)
    queued = here.step(here.add(new_song()), Status.QUEUED, id="x")
    elsewhere = Journal(replace(drive, database=tmp_path / "elsewhere"))
    assert elsewhere.songs() == [queued]
    there = elsewhere.step(queued, Status.DOWNLOADING)
    path = drive.home / "songs" / "a.mp3"
    finished = elsewhere.step(there, Status.COMPLETED, path=path, duration=2.0)
    assert Journal(drive).songs() == [finished]


def test_notes_that_make_no_sense_are_passed_over(drive: Library) -> None:
    folder = drive.home / "songs"
    folder.mkdir(parents=True)
    (folder / "b.json").write_text("not json")
    (folder / "c.json").write_text('["a list"]')
    (folder / "d.json").write_text('{"request_id": "another"}')
    (folder / "e.json").write_text('{"request_id": "e", "status": "singing"}')
    assert Journal(drive).songs() == []


def test_a_whole_song_is_made_into_a_library_on_a_mount(
    drive: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_nb.session.locate", lambda home: drive)
    with running_service(tmp_path / "service") as service:
        session = guest(service)
        song = session.generate("la la", audio_bytes(20))
    assert song.path is not None
    assert song.path.is_relative_to(drive.home)
    assert {path.suffix for path in drive.home.rglob("*") if path.is_file()} == {".json", ".mp3"}


@pytest.fixture
def fake_colab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """What of Colab is needed here; the real one is nowhere else."""
    mounted: list[str] = []
    google, module, drive = types.ModuleType("google"), types.ModuleType("google.colab"), types.ModuleType("drive")
    drive.mount = mounted.append  # type: ignore[attr-defined]
    module.drive = drive  # type: ignore[attr-defined]
    module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setattr(colab, "_FOLDER", tmp_path / "drive" / "minimax_nb")
    monkeypatch.setattr(session_module, "_said", set())
    return mounted


def test_in_colab_it_is_said_once_how_to_keep_the_songs_and_done_in_one_call(
    fake_colab: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("MINIMAX_NB_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    session = Session()
    session.songs()
    Session().songs()
    assert capsys.readouterr().err.count("keep_on_drive()") == 1
    monkeypatch.setenv("MINIMAX_NB_HOME", "")  # so that what the call sets is taken back after the test
    assert colab.keep_on_drive() == tmp_path / "drive" / "minimax_nb"
    assert fake_colab == ["/content/drive"]
    assert session.journal.home == tmp_path / "drive" / "minimax_nb"


def test_elsewhere_there_is_no_drive_to_keep_them_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LibraryError, match="MINIMAX_NB_HOME"):
        colab.keep_on_drive()
    Session().songs()
    assert capsys.readouterr().err == ""
