"""The models as data: each field at, below and above its limits, and the requests that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from minimax_nb import Session, Status, settings
from minimax_nb.api.transport import Transport
from minimax_nb.catalogue import (
    ABOUT,
    MODELS,
    REHEARSAL_OPTIONS,
    check_lyrics,
    find_model,
    from_fields,
    music_model,
    offers,
    to_fields,
)
from minimax_nb.errors import InvalidInput, InvalidLyrics, InvalidOption, InvalidReference, MusicError, Unreachable
from minimax_nb.options import SongOptions, compose
from tests.support.service import Running, audio_bytes, data_uri, running_service

LYRICS = "Side by side we go"
STYLE = "slow, warm soul"
FILE = {"audio_setting": {"format": "wav", "audio_sample_rate": 24000, "bitrate": 128000}}
ASKED_FILE = {"format": "wav", "sample_rate": 24000, "bitrate": 128000}

# What is requested with each model, all of it, and the request that the contract wants for that.
WHOLE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "minimax-music": ({"lyrics": LYRICS}, {"prompt": f"##{LYRICS}##"}),
    "minimax/music-2.6": (
        {"lyrics": LYRICS, "style": STYLE, **ASKED_FILE},
        {"lyrics": LYRICS, "prompt": STYLE, **FILE},
    ),
    "minimax/music-cover": (
        {"lyrics": LYRICS, "style": STYLE, **ASKED_FILE},
        {
            "lyrics": LYRICS,
            "prompt": STYLE,
            "audio_setting": {"format": "wav", "sample_rate": 24000, "bitrate": 128000},
        },
    ),
    "minimax/music-2.0": (
        {"lyrics": LYRICS, "style": STYLE, **ASKED_FILE},
        {"lyrics": LYRICS, "prompt": STYLE, **FILE},
    ),
    "minimax/music-1.5": (
        {"lyrics": LYRICS, "style": STYLE, **ASKED_FILE},
        {"lyrics": LYRICS, "prompt": STYLE, **FILE},
    ),
    "google/lyria2": (
        {"style": STYLE, "negative_style": "drums", "seed": 7},
        {"prompt": STYLE, "negative_prompt": "drums", "seed": 7},
    ),
    "stable-audio": (
        {"style": STYLE, "seconds": 47, "seconds_start": 1, "steps": 1000},
        {"prompt": STYLE, "seconds_total": 47, "seconds_start": 1, "steps": 1000},
    ),
    "elevenlabs/eleven_music": ({"style": STYLE, "seconds": 12.5}, {"prompt": STYLE, "music_length_ms": 12500}),
}
# The least that each takes.
LEAST: dict[str, dict[str, Any]] = {
    "minimax-music": {"lyrics": LYRICS},
    "minimax/music-2.6": {"style": STYLE},
    "minimax/music-cover": {"style": STYLE},
    "minimax/music-2.0": {"lyrics": LYRICS, "style": STYLE},
    "minimax/music-1.5": {"lyrics": LYRICS, "style": STYLE},
    "google/lyria2": {"style": STYLE},
    "stable-audio": {"style": STYLE},
    "elevenlabs/eleven_music": {"style": STYLE},
}

every_model = pytest.mark.parametrize("name", list(MODELS))


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "reference.mp3"
    path.write_bytes(audio_bytes(20))
    return path


def body_of(name: str, given: dict[str, Any], track: Path, tmp_path: Path, *, rehearsal: bool = False) -> Any:
    """The request, but for the reference."""
    options = {each: value for each, value in given.items() if each != "lyrics"}
    composed = compose(
        given.get("lyrics"),
        track if MODELS[name].reference else None,
        model=name,
        accompaniment=True,
        fields=None,
        options=options,
        references=tmp_path,
        rehearsal=rehearsal,
    )
    assert (composed.reference is None) is (MODELS[name].reference is None)
    return composed.body


def test_every_model_of_the_contract_has_a_row_and_every_option_a_name() -> None:
    assert set(MODELS) == set(WHOLE) == set(LEAST)
    named = {name for model in MODELS.values() for name in model.options} | set(REHEARSAL_OPTIONS)
    assert named | {"reference"} == set(ABOUT)
    assert named - {"lyrics"} == set(get_type_hints(SongOptions))


@every_model
def test_the_request_is_the_one_of_the_contract(name: str, track: Path, tmp_path: Path) -> None:
    given, body = WHOLE[name]
    assert body_of(name, given, track, tmp_path) == {"model": name, **body}
    least = body_of(name, LEAST[name], track, tmp_path)
    assert set(least) == {"model", *(MODELS[name].options[each].field for each in LEAST[name])}


@every_model
def test_a_request_is_read_back_as_it_was_asked(name: str, track: Path, tmp_path: Path) -> None:
    given, _ = WHOLE[name]
    read = from_fields(MODELS[name], body_of(name, given, track, tmp_path))
    assert read == {**given, **({"lyrics": f"##{LYRICS}##"} if name == "minimax-music" else {})}


def cases() -> list[Any]:
    return [*each_case()]


def each_case() -> Iterator[Any]:
    """Each option of each model: values at its limits, which are taken, and beyond them, which are not."""
    for name, model in MODELS.items():
        for each, option in model.options.items():
            if option.kind is str and not option.choices:
                good = ["x" * int(option.least), "x" * int(min(option.most, 5000))]
                bad = ["x" * int(option.least - 1), "x" * int(option.most + 1)] if option.most < 5000 else [""]
                bad = [text for text in bad if text or each != "lyrics" or option.required]  # none is no bad one
            elif option.choices:
                good, bad = list(option.choices), ["pcm", 48_000, ""]
            elif option.kind is bool:
                good, bad = [False], ["yes", 1]
            else:
                most = [] if option.most == float("inf") else [int(option.most)]
                good = [int(option.least), *most]
                bad = [option.least - 1, *(value + 1 for value in most), "7", True, float("nan")]
                bad += [option.least + 0.5] if option.kind is int else []
            for value in good:
                yield pytest.param(name, each, value, True, id=f"{name}-{each}-{str(value)[:5]}-{len(str(value))}")
            for value in bad:
                yield pytest.param(
                    name, each, value, False, id=f"{name}-{each}-not {str(value)[:5]}-{len(str(value))}"
                )


@pytest.mark.parametrize(("name", "option", "value", "taken"), cases())
def test_each_field_at_below_and_above_its_limits(name: str, option: str, value: Any, taken: bool) -> None:
    given = {**LEAST[name], option: value}
    lyrics = given.pop("lyrics", "")
    if taken:
        body = to_fields(MODELS[name], given, lyrics=lyrics)
        assert from_fields(MODELS[name], body)[option] == value
        return
    with pytest.raises(InvalidInput) as caught:
        to_fields(MODELS[name], given, lyrics=lyrics)
    assert "Nothing was spent" in str(caught.value)


@every_model
def test_what_is_needed_is_asked_for(name: str) -> None:
    for option in LEAST[name]:
        given = {each: value for each, value in LEAST[name].items() if each != option}
        with pytest.raises(InvalidInput, match=r"lyrics|style"):
            to_fields(MODELS[name], given, lyrics=given.pop("lyrics", ""))


@every_model
def test_what_a_model_does_not_know_is_an_error_that_names_what_it_knows(name: str) -> None:
    foreign = set(get_type_hints(SongOptions)) - set(MODELS[name].options) - set(REHEARSAL_OPTIONS)
    for option in foreign:
        given = {**LEAST[name], option: 1}
        with pytest.raises(InvalidOption, match=r"It takes: .*") as caught:
            to_fields(MODELS[name], given, lyrics=given.pop("lyrics", ""))
        assert all(each in str(caught.value) for each in MODELS[name].options)


@every_model
def test_a_reference_is_needed_or_not_taken(name: str, track: Path, tmp_path: Path) -> None:
    options = {each: value for each, value in LEAST[name].items() if each != "lyrics"}
    given = None if MODELS[name].reference else track
    with pytest.raises(InvalidReference, match=name):
        compose(
            LEAST[name].get("lyrics"),
            given,
            model=name,
            accompaniment=True,
            fields=None,
            options=options,
            references=tmp_path,
            rehearsal=False,
        )


def test_a_cover_takes_six_seconds_to_six_minutes(tmp_path: Path) -> None:
    rule = MODELS["minimax/music-cover"].reference
    assert rule is not None
    assert rule.longer_than < 6
    assert f"{rule.longer_than:g}" == "6"
    assert 300 < rule.excerpt < 360
    six, five = tmp_path / "six.wav", tmp_path / "five.wav"
    six.write_bytes(audio_bytes(6, kind="WAV"))
    five.write_bytes(audio_bytes(5, kind="WAV"))
    body_of("minimax/music-cover", LEAST["minimax/music-cover"], six, tmp_path)
    with pytest.raises(InvalidReference, match="needs"):
        body_of("minimax/music-cover", LEAST["minimax/music-cover"], five, tmp_path)


def test_words_and_no_voice_exclude_each_other() -> None:
    model = MODELS["minimax/music-2.6"]
    assert to_fields(model, {"style": STYLE, "instrumental": True}, lyrics="") == {
        "prompt": STYLE,
        "is_instrumental": True,
    }
    assert to_fields(model, {"style": STYLE, "write_lyrics": True}, lyrics="")["lyrics_optimizer"] is True
    for wrong in ({"instrumental": True}, {"write_lyrics": True}):
        with pytest.raises(InvalidOption, match="Leave out that or the lyrics"):
            to_fields(model, wrong, lyrics=LYRICS)
    with pytest.raises(InvalidOption, match="from the style"):
        to_fields(model, {"write_lyrics": True}, lyrics="")
    with pytest.raises(InvalidLyrics, match="Write the words into style"):
        to_fields(MODELS["elevenlabs/eleven_music"], {"style": STYLE}, lyrics=LYRICS)


def test_the_limit_counts_the_prompt_as_sent() -> None:
    model = find_model("minimax-music")
    check_lyrics(model, "x" * 600)
    with pytest.raises(InvalidLyrics, match=r"601 characters.*takes 600.*Shorten them by 1"):
        check_lyrics(model, "x" * 601)


@pytest.mark.parametrize("name", ["minimax-musik", "", None, ["minimax-music"]])
def test_an_unknown_model_is_an_error_that_lists_the_known(name: object) -> None:
    with pytest.raises(InvalidOption, match=r"minimax-music.*fields="):
        find_model(name)  # type: ignore[arg-type]


def test_an_unknown_option_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(InvalidOption, match="Did you mean 'style'"):
        to_fields(MODELS["minimax/music-cover"], {"stile": "x"}, rehearsal=False)
    with pytest.raises(InvalidOption, match="It takes: lyrics, reference"):
        to_fields(MODELS["minimax-music"], {"volume": 3}, rehearsal=False)


def test_rehearsal_options_are_an_error_with_a_hosted_service() -> None:
    model = MODELS["minimax-music"]
    given = {"tempo": 92, "key": "A minor", "seed": 7}
    assert to_fields(model, given, lyrics=LYRICS, rehearsal=True) == {"prompt": LYRICS, **given}
    with pytest.raises(InvalidOption, match="Only the rehearsal band takes it"):
        to_fields(model, {"seed": 7}, rehearsal=False)


@pytest.mark.parametrize(
    "options",
    [
        {"key": "Q minor"},
        {"key": "minor"},
        {"language": "xx"},
        {"language": "../en"},
        {"tempo": "fast"},
        {"tempo": 1000},
        {"tempo": float("nan")},
        {"seed": 1.5},
        {"seed": -1},
        {"seed": True},
    ],
)
def test_values_outside_their_limits_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(InvalidOption, match="must be"):
        to_fields(MODELS["minimax-music"], options, lyrics=LYRICS, rehearsal=True)


@pytest.mark.parametrize(
    "options", [{"key": "A minor"}, {"key": "c#"}, {"key": "Bbm"}, {"language": "en-GB"}, {"language": "zh"}]
)
def test_keys_and_languages_as_people_write_them(options: dict[str, object]) -> None:
    assert to_fields(MODELS["minimax-music"], options, lyrics=LYRICS, rehearsal=True) == {"prompt": LYRICS, **options}


@pytest.mark.parametrize(
    ("logged", "name"),
    [
        ("minimax/minimax-music", "minimax-music"),
        ("minimax-music", "minimax-music"),
        ("google/lyria2", "google/lyria2"),
        ("stability/stable-audio", "stable-audio"),
        ("minimax/music-2.6", "minimax/music-2.6"),
        ("openai/gpt-5", ""),
    ],
)
def test_the_logs_call_a_model_by_source_and_alias(logged: str, name: str) -> None:
    assert music_model(logged) == name


def test_what_is_served_decides() -> None:
    assert [offer.name for offer in offers()] == list(MODELS)
    found = {offer.name: offer for offer in offers({"minimax-music": 0.037, "minimax/music-9": None})}
    assert (found["minimax-music"].price_usd, found["minimax-music"].note) == (0.037, "")
    assert found["stable-audio"].note == "no longer served"
    assert "fields" in found["minimax/music-9"].note


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("models") / "library") as running:
        yield running


@every_model
def test_every_model_end_to_end_against_the_rehearsal_service(name: str, service: Running, track: Path) -> None:
    session = Session(home=service.home, rehearse=True)
    given = dict(WHOLE[name][0])
    song = session.submit(given.pop("lyrics", None), track if MODELS[name].reference else None, model=name, **given)
    assert song.request is not None
    assert service.jobs()[-1]["body"]["model"] == name
    made = session.wait(song)
    assert (made.status, made.model) == (Status.COMPLETED, name)
    assert made.title == (LYRICS if "lyrics" in WHOLE[name][0] else STYLE)


@pytest.mark.parametrize(("name", "option", "value", "taken"), cases())
def test_the_service_holds_the_same_limits(name: str, option: str, value: Any, taken: bool, service: Running) -> None:
    model = MODELS[name]
    if value != value or (model.options[option].scale > 1 and not isinstance(value, int | float)):
        return  # it cannot be written in JSON, or in the units of the request
    body: dict[str, Any] = {"model": name}
    for each, given in {**LEAST[name], option: value}.items():
        *above, field = model.options[each].path
        (body.setdefault(above[0], {}) if above else body)[field] = model.options[each].to_request(given)
    if model.reference:
        body["reference_audio_url"] = data_uri()
    answer = service.ask("POST", "/v2/generate/audio", json=body)
    assert answer.status_code == (201 if taken else 400), answer.text


def test_the_service_says_what_it_has_today_and_says_it_once(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses: list[int] = []
    get = Transport.get

    def noted(self: Transport, *arguments: Any, **options: Any) -> Any:
        response = get(self, *arguments, **options)
        statuses.append(getattr(response, "status", 0))
        return response

    monkeypatch.setattr(Transport, "get", noted)
    session = Session(home=service.home, rehearse=True)
    first = session.models(refresh=True)
    assert [offer.name for offer in first] == list(MODELS)
    assert all(offer.served and offer.price_usd is not None and not offer.note for offer in first)
    assert session.models(refresh=True) == first
    assert statuses == [200, 304]
    assert "openai" not in repr(first)


def test_without_a_key_the_hosted_service_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEFAULT_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        Session(home=tmp_path).models(refresh=True)


def test_a_model_without_a_row_is_asked_for_with_raw_fields(service: Running, track: Path) -> None:
    session = Session(home=service.home, rehearse=True)
    fields = {"prompt": STYLE, "negative_prompt": "drums"}
    song = session.submit(model="google/lyria2", fields=fields)
    assert service.jobs()[-1]["body"] == {"model": "google/lyria2", **fields}
    assert song.request is not None
    assert dict(song.request.options) == fields
    with pytest.raises(MusicError, match="music-9"):
        session.submit(model="minimax/music-9", fields={"prompt": "x"})
    for beside in ({"lyrics": "la"}, {"reference": track}, {"style": "x"}):
        with pytest.raises(InvalidOption, match="is the whole request"):
            session.submit(model="google/lyria2", fields=fields, **beside)  # type: ignore[arg-type]
