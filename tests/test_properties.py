"""Whatever comes in: lyrics of any kind, answers of any shape, steps in any order by two at once."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from minimax_nb.api.key import checked_base_url, is_loopback
from minimax_nb.api.responses import fixed_price, number_of, read_generation, read_log_entry
from minimax_nb.api.transport import retry_after
from minimax_nb.errors import InvalidLyrics, MusicError
from minimax_nb.library.journal import Journal
from minimax_nb.library.storage import locate
from minimax_nb.lyrics import read_prompt, to_prompt
from minimax_nb.settings import Service
from minimax_nb.song import ALLOWED_STEPS, Song, Status
from minimax_nb.tracking.steps import adopted

steady = settings(
    derandomize=True, deadline=None, max_examples=150, database=None, suppress_health_check=[HealthCheck.too_slow]
)

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)
lines = st.lists(st.sampled_from(["", " ", "\t", "la la", "  Oh, du!  ", "#1", "ラララ", "e\u0301"]), max_size=12)
lyrics = st.one_of(words, lines.map("\n".join), lines.map("\r\n".join))

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
statuses = st.sampled_from(
    ["queued", "waiting", "generating", "active", "processing", "completed", "error", "Completed"]
)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects in which each field is absent, as it should be, or anything at all."""
    return st.fixed_dictionaries({}, optional={name: value | documents for name, value in fields.items()})


files = shaped(url=st.text(max_size=40), file_size=st.integers())
answers = shaped(status=statuses | st.text(max_size=10), audio_file=files, error=shaped(name=st.text(max_size=9)))
rows = shaped(
    inference_id=st.text(max_size=9),
    client_request_id=st.text(max_size=9),
    created=st.datetimes().map(str) | st.just("0001-01-01T00:00:00+14:00"),
    cost=shaped(usd=st.floats() | st.text(max_size=5)),
    status=st.sampled_from(["succeeded", "failed"]),
)


# Lyrics


def prompt_of(text: str, accompaniment: bool) -> str:
    try:
        return to_prompt(text, accompaniment=accompaniment)
    except InvalidLyrics:
        assume(False)
        raise


@steady
@given(lyrics, st.booleans())
def test_a_prompt_is_its_own_prompt(text: str, accompaniment: bool) -> None:
    prompt = prompt_of(text, accompaniment)
    assert to_prompt(prompt, accompaniment=accompaniment) == prompt


@steady
@given(lines.map("\n".join), st.booleans())
def test_every_line_is_kept_and_pauses_are_single(text: str, accompaniment: bool) -> None:
    prompt = prompt_of(text, accompaniment)
    body = prompt.removeprefix("##").removesuffix("##") if accompaniment else prompt
    sung = [line.strip() for line in text.splitlines() if line.strip()]
    if accompaniment:
        assert (prompt[:2], prompt[-2:]) == ("##", "##")
    assert [line for line in body.split("\n") if line] == sung
    assert "\n\n\n" not in body
    assert body == body.strip("\n")


@steady
@given(lyrics, st.booleans())
def test_marks_in_the_lyrics_change_nothing(text: str, accompaniment: bool) -> None:
    assume("##" not in text)
    prompt = prompt_of(f"{text} la", accompaniment)
    assert to_prompt(f"##{text} la##", accompaniment=accompaniment) == prompt
    assert read_prompt(prompt)[1] is accompaniment


@steady
@given(
    st.one_of(st.text(st.characters(), max_size=50), st.just("la \ud800"), scalars, st.binary(max_size=9)),
    st.booleans(),
)
def test_nothing_else_is_raised_for_any_lyrics(text: Any, accompaniment: bool) -> None:
    try:
        prompt = to_prompt(text, accompaniment=accompaniment)
    except InvalidLyrics:
        return
    assert any(letter.isalnum() for letter in prompt)
    prompt.encode()


# Answers


@steady
@given(answers, st.text(min_size=1, max_size=20))
def test_no_answer_is_taken_for_more_than_it_says(fields: dict[str, Any], generation_id: str) -> None:
    generation = read_generation(fields, generation_id)
    assert generation.id == generation_id
    assert generation.status in (Status.QUEUED, Status.GENERATING, Status.DOWNLOADING, Status.FAILED)
    said = fields.get("status")
    said = said.lower() if isinstance(said, str) else None
    assert (generation.status is Status.DOWNLOADING) == bool(generation.audio_url)
    assert generation.status is not Status.DOWNLOADING or said == "completed"
    assert (generation.status is Status.FAILED) == (said == "error")
    assert isinstance(generation.audio_url, str)
    generation.audio_url.encode()
    assert generation.file_size is None or generation.file_size > 0
    known = ("queued", "waiting", "generating", "active", "processing", "completed", "error")
    assert bool(generation.surprise) or said in known


@steady
@given(rows | documents)
def test_a_row_of_the_logs_is_read_or_passed_over(row: object) -> None:
    entry = read_log_entry(row)
    if entry is not None:
        assert 0 < len(entry.id) <= 500
        assert entry.created.tzinfo is not None
        entry.created.astimezone(UTC)
        assert entry.cost_usd is None or 0 <= entry.cost_usd < float("inf")


@steady
@given(documents | st.lists(shaped(id=st.just("m"), pricing=shaped(kind=st.just("fixed"), units=st.lists(files)))))
def test_any_price_list_is_read(listed: object) -> None:
    price = fixed_price(listed, "m")
    assert price is None or price >= 0


@steady
@given(
    st.text(max_size=30) | st.floats().map(str) | st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y"))
)
def test_any_pause_is_told_in_bounds(text: str) -> None:
    told = retry_after({"Retry-After": text})
    assert told is None or 0 <= told <= 3600


@steady
@given(documents)
def test_any_value_is_a_number_or_none(value: object) -> None:
    number = number_of(value)
    assert number is None or 0 <= number < float("inf")


@steady
@given(
    st.text(max_size=40)
    | st.text(max_size=30).map("http://{}".format)
    | st.text(max_size=30).map("https://{}".format)
)
def test_a_key_never_travels_in_the_open(url: str) -> None:
    try:
        usable = checked_base_url(url)
    except MusicError:
        return
    assert usable.lower().startswith("https://") or is_loopback(usable)


# The journal


class TwoJournals(RuleBasedStateMachine):
    """Two connections to one library, and a model that knows nothing but the table of steps."""

    songs = Bundle("songs")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        library = locate(Path(self.folder.name) / "library")
        self.journals = [Journal(library), Journal(library)]
        self.stands: dict[str, Status] = {}
        self.ids: dict[str, str] = {}
        self.held: set[str] = set()

    @rule(target=songs, which=st.booleans(), lease=st.sampled_from([0.0, 600.0]))
    def ask(self, which: bool, lease: float) -> Song:
        song = Song(f"song-{len(self.stands)}", Status.SENDING, datetime.now(UTC), model="minimax-music")
        assert self.journals[which].add(song, lease=lease) == song
        self.stands[song.request_id], self.ids[song.request_id] = song.status, ""
        if lease:
            self.held.add(song.request_id)
        return song

    @rule(song=songs, which=st.booleans())
    def add_again(self, song: Song, which: bool) -> None:
        """A song that is written down already is not overwritten."""
        assert self.journals[which].add(song).status is self.stands[song.request_id]

    @rule(song=songs, which=st.booleans(), to=st.sampled_from(list(Status)), error=st.sampled_from(["", "x"]))
    def step(self, song: Song, which: bool, to: Status, error: str) -> None:
        before = self.stands[song.request_id]
        named = {"id": f"id-{song.request_id}"} if to is Status.QUEUED else {}
        after = self.journals[which].step(song, to, error=error, **named)
        made = to in ALLOWED_STEPS[before]
        assert after.status is (to if made else before)
        self.stands[song.request_id] = after.status
        if made:
            self.ids[song.request_id] = named.get("id", self.ids[song.request_id])
            if to is not Status.DOWNLOADING:
                self.held.discard(song.request_id)

    @rule(song=songs, which=st.booleans())
    def claim(self, song: Song, which: bool) -> None:
        name = song.request_id
        free = self.stands[name] is Status.DOWNLOADING and name not in self.held
        assert self.journals[which].claim(song, 600.0) is free
        if free:
            self.held.add(name)

    @rule(song=songs, which=st.booleans())
    def release(self, song: Song, which: bool) -> None:
        self.journals[which].release(song)
        self.held.discard(song.request_id)

    @rule(song=songs, which=st.booleans())
    def settle(self, song: Song, which: bool) -> None:
        name = song.request_id
        if self.stands[name] is Status.SENDING and name not in self.held:
            self.stands[name] = Status.UNKNOWN
        assert self.journals[which].settled(song).status is self.stands[name]

    @invariant()
    def both_see_the_same(self) -> None:
        if not hasattr(self, "journals"):
            return
        first, second = (journal.songs() for journal in self.journals)
        assert first == second
        assert {song.request_id: song.status for song in first} == self.stands
        assert {song.request_id: song.id for song in first} == self.ids

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


def test_two_journals_make_each_step_of_the_table_and_no_other() -> None:
    run_state_machine_as_test(TwoJournals, settings=settings(steady, max_examples=25, stateful_step_count=25))


def test_final_is_final_and_nothing_that_was_paid_for_is_refused() -> None:
    assert all(not after for before, after in ALLOWED_STEPS.items() if before.final)
    paid = {Status.QUEUED, Status.GENERATING, Status.DOWNLOADING, Status.COMPLETED}
    assert all(Status.REFUSED not in ALLOWED_STEPS[status] for status in paid)
    assert all(Status.SENDING not in after for after in ALLOWED_STEPS.values())


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "'; DROP TABLE songs; --", "\u202eevil", "x" * 500])
def test_an_id_becomes_no_path(name: str) -> None:
    song = adopted(name, Service("https://api.example", None, False))
    assert song.request_id.removeprefix("found-").isalnum()
