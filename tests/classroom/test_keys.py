"""A class: keys minted, handed out, watched, revoked, against the rehearsal service with faults on every call."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from minimax_nb import classroom
from minimax_nb.api.transport import Transport
from minimax_nb.classroom import sheet
from minimax_nb.cli import main
from minimax_nb.errors import InvalidInput, LibraryError, MusicError, NoCredits, Unauthorized
from minimax_nb.rehearsal.server.faults import FAULTS
from tests.support import until
from tests.support.kernels import run_cell, running_kernel
from tests.support.network import hunt
from tests.support.service import PRICE, Running, good_body, running_service

ROSTER = ["Mia", "Ben", "Zoë Ĉapek"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service"), price=PRICE) as running:
        yield running


@pytest.fixture
def service(shared: Running) -> Running:
    """A service without faults and keys."""
    shared.commit()
    for prefix in open_keys(shared):
        shared.ask("DELETE", f"/v1/keys/{prefix}")
    return shared


@pytest.fixture
def teacher(service: Running, tmp_path: Path) -> dict[str, Any]:
    """What the teacher gives to each call."""
    return {"name": "7b", "api_key": service.address.key, "base_url": service.address.base_url}


def mint(teacher: dict[str, Any], folder: Path, roster: list[str] = ROSTER, usd: float = 0.1) -> classroom.Sheet:
    return classroom.mint(roster, usd, folder=folder, confirm=lambda _question: True, **teacher)


def open_keys(service: Running) -> dict[str, dict[str, Any]]:
    return {row["prefix"]: row for row in service.ask("GET", "/v1/keys").json()["data"]}


def in_list(folder: Path) -> dict[str, str]:
    path = folder / "keys-7b.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row["key"] for row in csv.DictReader(file)}


def check_nothing_is_stray(service: Running, folder: Path, roster: list[str] = ROSTER) -> None:
    """Every student has one key, it is in the list, and there is no other."""
    keys = open_keys(service)
    assert sorted(row["name"] for row in keys.values()) == sorted(f"7b: {student}" for student in roster)
    assert {student: key[:8] for student, key in in_list(folder).items()} == {
        row["name"][4:]: prefix for prefix, row in keys.items()
    }


def submit(service: Running, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return service.ask("POST", "/v2/generate/audio", json=good_body(), headers=headers).status_code


def test_each_student_gets_a_key_that_makes_songs_up_to_its_cap(
    service: Running, teacher: dict[str, Any], tmp_path: Path
) -> None:
    minted = mint(teacher, tmp_path / "keys")
    assert [seat.student for seat in minted.seats] == ROSTER
    assert minted.minted == 3
    check_nothing_is_stray(service, tmp_path / "keys")
    assert {row["limit"]["threshold"] for row in open_keys(service).values()} == {0.1}
    assert {tuple(row["scopes"]) for row in open_keys(service).values()} == {("model:audio",)}
    assert [submit(service, minted.seats[0].key) for _ in range(3)] == [201, 201, 403]


def test_the_files_are_for_the_teacher_alone(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    minted = mint(teacher, tmp_path / "keys")
    page = minted.html.read_text(encoding="utf-8")
    for seat in minted.seats:
        assert seat.student in page
        assert seat.key in page
    assert page.count("<svg") == 3
    assert classroom.NOTEBOOK in page
    assert f"MINIMAX_NB_BASE_URL={service.address.base_url}" in page
    if os.name != "nt":
        assert {stat.S_IMODE(path.stat().st_mode) for path in (minted.csv, minted.html)} == {0o600}
    assert service.address.key not in page + minted.csv.read_text(encoding="utf-8")


def test_no_key_is_shown(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    minted = mint(teacher, tmp_path / "keys")
    shown = [repr(minted), str(minted), repr(minted.seats), str(classroom.status(**teacher))]
    log = (service.home / "rehearsal" / "service.log").read_text()
    for key in (service.address.key, *(seat.key for seat in minted.seats)):
        assert not hunt(key, texts=[*shown, log])


@pytest.mark.kernel
def test_no_key_gets_into_a_notebook(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    code = f"""
import os
os.environ["AIML_API_KEY"], os.environ["MINIMAX_NB_BASE_URL"] = open("key").read().split()
from minimax_nb import classroom
sheet = classroom.mint({ROSTER!r}, 0.1, name="7b", folder="keys", confirm=lambda _: True)
display(sheet, sheet.seats, classroom.status("7b"), vars(sheet))
print(classroom.status("7b"))
classroom.mint(["Mia"], 1e4 - 1, name="8a", folder="keys", confirm=lambda _: True)
"""
    (tmp_path / "key").write_text(f"{teacher['api_key']} {teacher['base_url']}")
    with running_kernel(sys.executable, tmp_path) as kernel:
        seen = run_cell(kernel, code)
    assert "the balance is" in str(seen)  # the last line raises, with a traceback
    for key in (service.address.key, *in_list(tmp_path / "keys").values()):
        assert not hunt(key, texts=[str(seen), str(seen.reply)])


def test_minting_again_keeps_what_is_there(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    first = mint(teacher, tmp_path / "keys", ROSTER[:2])
    again = mint(teacher, tmp_path / "keys")
    assert again.minted == 1
    assert again.seats[:2] == first.seats
    check_nothing_is_stray(service, tmp_path / "keys")
    assert mint(teacher, tmp_path / "keys").minted == 0


def test_a_key_whose_list_is_lost_is_replaced_and_that_is_said_first(
    service: Running, teacher: dict[str, Any], tmp_path: Path
) -> None:
    mint(teacher, tmp_path / "keys")
    questions: list[str] = []

    def confirm(question: str) -> bool:
        questions.append(question)
        return True

    classroom.mint(ROSTER, 0.1, folder=tmp_path / "elsewhere", confirm=confirm, **teacher)
    (question,) = questions
    assert question.startswith("3 keys of 7b are not in the list in this folder and will be revoked.")
    check_nothing_is_stray(service, tmp_path / "elsewhere")


def test_the_sum_is_said_first_and_no_means_no(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    questions: list[str] = []

    def refuse(question: str) -> bool:
        questions.append(question)
        return False

    with pytest.raises(InvalidInput, match="No keys were made"):
        classroom.mint(ROSTER, 0.5, folder=tmp_path, confirm=refuse, **teacher)
    assert questions == ["Make 3 keys for 7b, each for up to $0.50, $1.50 in all?"]
    assert not open_keys(service)


@pytest.mark.parametrize(("answer", "minted"), [("y", True), ("YES", True), ("", False), ("no", False)])
def test_a_person_is_asked(
    service: Running,
    teacher: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    minted: bool,
) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    if minted:
        assert classroom.mint(["Mia"], 0.5, folder=tmp_path, **teacher).minted == 1
    else:
        with pytest.raises(InvalidInput):
            classroom.mint(["Mia"], 0.5, folder=tmp_path, **teacher)
    assert len(open_keys(service)) == minted


def test_caps_beyond_the_balance_are_refused(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"could spend \$102\.00, and the balance is \$\d+\.\d\d") as caught:
        mint(teacher, tmp_path, usd=34)
    assert "Lower the cap" in str(caught.value)
    assert not open_keys(service)
    mint(teacher, tmp_path, ROSTER[:2], usd=34)
    with pytest.raises(InvalidInput, match=r"besides \$68\.00 on keys that exist"):
        mint(teacher, tmp_path, usd=34)


@pytest.mark.parametrize(
    ("roster", "usd", "changes"),
    [
        ([], 1, {}), (["Mia", "Mia"], 1, {}), (["Mia", " Mia "], 1, {}), (["M" * 81], 1, {}), (["Mi\x00a"], 1, {}),
        (["Mia"], 0, {}), (["Mia"], -1, {}), (["Mia"], True, {}), (["Mia"], float("nan"), {}), (["Mia"], "1", {}),
        (["Mia"], 1, {"name": ""}), (["Mia"], 1, {"name": "7b: May"}),
    ],
)  # fmt: skip
def test_what_cannot_be_minted_is_said_before_anything_is_sent(
    service: Running, teacher: dict[str, Any], tmp_path: Path, roster: list[str], usd: Any, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        mint({**teacher, **changes}, tmp_path, roster, usd)
    assert not open_keys(service)


def test_a_student_s_key_manages_no_class(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    key = mint(teacher, tmp_path).seats[0].key
    with pytest.raises(NoCredits, match="management key"):
        classroom.status(**{**teacher, "api_key": key})
    with pytest.raises(Unauthorized):
        classroom.close(**{**teacher, "api_key": "k" * 43})
    assert len(open_keys(service)) == 3


def test_who_has_spent_what(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    mia, ben, _ = mint(teacher, tmp_path).seats
    submit(service, mia.key)
    submit(service, mia.key)
    failing = good_body(key="Cb")
    headers = {"Authorization": f"Bearer {ben.key}"}
    failed = service.ask("POST", "/v2/generate/audio", json=failing, headers=headers).json()["id"]
    service.wait(failed)
    until(lambda: all(job["status"] in ("completed", "error") for job in service.jobs()))
    found = classroom.status(**teacher)
    rows = {row.student: row for row in found.students}
    assert list(rows) == ["Ben", "Mia", "Zoë Ĉapek"]
    assert (rows["Mia"].spent_usd, rows["Mia"].asked, rows["Mia"].made, rows["Mia"].failed) == (2 * PRICE, 2, 2, 0)
    assert (rows["Ben"].spent_usd, rows["Ben"].asked, rows["Ben"].made, rows["Ben"].failed) == (0, 1, 0, 1)
    assert rows["Zoë Ĉapek"].last is None
    assert found.summary == "7b: 3 students, 2 songs, $0.07 spent."
    assert "Mia" in str(found)
    assert "<td>$0.07</td><td>$0.10</td>" in found._repr_html_()


def test_the_board_keeps_itself_up_to_date_until_it_is_closed(
    service: Running, teacher: dict[str, Any], tmp_path: Path
) -> None:
    seat = mint(teacher, tmp_path).seats[0]
    board = classroom.watch(every=0.05, **teacher)
    assert "<td>Mia</td><td>$0.00</td>" in board.value
    submit(service, seat.key)
    until(lambda: "<td>Mia</td><td>$0.04</td>" in board.value)
    service.commit({"fault": "unauthorized"})
    until(lambda: "HTTP 401" in board.value)
    assert "<td>Mia</td><td>$0.04</td>" in board.value
    service.commit()
    until(lambda: "HTTP 401" not in board.value)
    board.close()
    until(lambda: not [each for each in threading.enumerate() if each.name == "minimax_nb class board"])


def test_another_class_is_left_alone(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    mint(teacher, tmp_path)
    other = {**teacher, "name": "7"}
    mint(other, tmp_path, ["Mia"])
    assert len(classroom.close(**teacher).students) == 3
    assert [row["name"] for row in open_keys(service).values()] == ["7: Mia"]


def test_closing_revokes_all_and_says_what_it_cost(service: Running, teacher: dict[str, Any], tmp_path: Path) -> None:
    seats = mint(teacher, tmp_path).seats
    submit(service, seats[0].key)
    closed = classroom.close(**teacher)
    assert closed.closed
    assert closed.summary == "7b: all keys are revoked, 3 students, 1 songs, $0.04 spent."
    assert not open_keys(service)
    assert [submit(service, seat.key) for seat in seats] == [401] * 3
    assert classroom.close(**teacher).students == ()


def test_a_folder_that_cannot_be_written_leaves_no_key(
    service: Running, teacher: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError):
        mint(teacher, tmp_path / "file")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sheet, "write_durably", full)
    with pytest.raises(LibraryError, match="No space left"):
        mint(teacher, tmp_path / "keys")
    assert not open_keys(service)


def again_until_done(action: Callable[[], object]) -> None:
    """Do as a teacher would: run it again when it says that something went wrong."""
    for _ in range(12):
        with contextlib.suppress(MusicError):
            action()
            return
    raise AssertionError("it does not end")


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if "keys" in FAULTS[fault].calls and fault != "slow"])
def test_no_fault_leaves_a_key_that_nobody_has(
    service: Running, teacher: dict[str, Any], tmp_path: Path, fault: str
) -> None:
    calls = {"keys": 2 if "rate" in fault else 4, "billing": 1, "logs": 1}
    rules = [
        {"fault": fault, "call": call, "times": times, "rate": 0.4, "seconds": 0} for call, times in calls.items()
    ]
    service.commit(*rules)
    again_until_done(lambda: mint(teacher, tmp_path))
    assert sum(service.fired()) > 1
    check_nothing_is_stray(service, tmp_path)
    again_until_done(lambda: classroom.status(**teacher))
    service.commit(*({**rule, "seed": 5} for rule in rules))
    again_until_done(lambda: classroom.close(**teacher))
    service.commit()
    assert not open_keys(service)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("what", ["post", "get", "delete", "write_durably"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")
def test_a_kill_at_any_step_leaves_nothing_behind(
    service: Running, teacher: dict[str, Any], tmp_path: Path, what: str, step: int, after: bool
) -> None:
    owner: Any = sheet if what == "write_durably" else Transport

    def work() -> None:
        mint(teacher, tmp_path)
        classroom.close(**teacher)

    killed_in_a_fork(owner, what, step, after, work)
    mint(teacher, tmp_path)
    check_nothing_is_stray(service, tmp_path)
    classroom.close(**teacher)
    assert not open_keys(service)


def killed_in_a_fork(owner: Any, name: str, step: int, after: bool, work: Callable[[], object]) -> None:
    """Do some work in a process that is killed before or after the call of a function, and wait for its end."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        real, left = getattr(owner, name), [step]

        def deadly(*given: Any, **named: Any) -> Any:
            hit, left[0] = left[0] == 0, left[0] - 1
            if hit and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*given, **named)
            if hit:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, deadly)
        work()
    finally:
        os._exit(0)


def test_a_whole_class_is_rehearsed_for_free(tmp_path: Path) -> None:
    minted = classroom.mint(["Mia"], 1, name="7b", folder=tmp_path, confirm=lambda _: True, rehearse=True)
    page = minted.html.read_text(encoding="utf-8")
    base_url = page.partition("MINIMAX_NB_BASE_URL=")[2].partition("<")[0]
    answer = requests.get(
        f"{base_url}/v1/key", headers={"Authorization": f"Bearer {minted.seats[0].key}"}, timeout=10
    )
    assert answer.json()["data"]["name"] == "7b: Mia"
    assert classroom.close("7b", rehearse=True).closed


def test_the_command_line_mints_watches_and_closes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roster = tmp_path / "roster.txt"
    roster.write_text("Mia\n\nBen\n", encoding="utf-8")
    common = ["--name", "7b", "--rehearse"]
    files = ["--usd", "0.5", "--folder", str(tmp_path), "--yes"]
    assert main(["class", "mint", str(roster), *files, *common]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("7b: 2 keys for up to $0.50 each, 2 of them new.")
    assert not any(key in printed for key in in_list(tmp_path).values())
    assert main(["class", "status", *common]) == 0
    assert "Ben" in capsys.readouterr().out
    assert main(["class", "close", *common]) == 0
    assert capsys.readouterr().out.startswith("7b: all keys are revoked, 2 students")
    assert main(["class", "mint", str(tmp_path / "none.txt"), *files, *common]) == 1
    assert "cannot be read" in capsys.readouterr().err
