"""The models' limits and options."""

import pytest

from minimax_nb.catalogue import MODELS, check_words, find_model, to_fields
from minimax_nb.errors import InvalidLyrics, InvalidOption


def test_the_limit_counts_the_prompt_as_sent() -> None:
    model = find_model("minimax-music")
    check_words(model, "x" * 600)
    with pytest.raises(InvalidLyrics, match=r"601 characters.*takes 600.*Shorten them by 1"):
        check_words(model, "x" * 601)


@pytest.mark.parametrize("name", ["minimax-musik", "", None, ["minimax-music"]])
def test_an_unknown_model_is_an_error_that_lists_the_known(name: object) -> None:
    with pytest.raises(InvalidOption, match="minimax-music"):
        find_model(name)  # type: ignore[arg-type]


def test_an_unknown_option_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(InvalidOption, match="Did you mean 'style'"):
        to_fields(MODELS["minimax/music-cover"], {"stile": "x"}, rehearsal=False)
    with pytest.raises(InvalidOption, match="It takes: lyrics, reference"):
        to_fields(MODELS["minimax-music"], {"volume": 3}, rehearsal=False)


def test_rehearsal_options_are_an_error_with_a_hosted_service() -> None:
    model = MODELS["minimax-music"]
    assert to_fields(model, {"tempo": 92, "key": "A minor", "seed": 7}, rehearsal=True) == {
        "tempo": 92,
        "key": "A minor",
        "seed": 7,
    }
    with pytest.raises(InvalidOption, match="Only the rehearsal band takes it"):
        to_fields(model, {"seed": 7}, rehearsal=False)


@pytest.mark.parametrize(
    "options",
    [{"tempo": "fast"}, {"tempo": 1000}, {"tempo": float("nan")}, {"seed": 1.5}, {"seed": -1}, {"seed": True}],
)
def test_values_outside_their_limits_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(InvalidOption):
        to_fields(MODELS["minimax-music"], options, rehearsal=True)


def test_a_required_option_is_asked_for_and_sent_under_its_own_name() -> None:
    cover = MODELS["minimax/music-cover"]
    with pytest.raises(InvalidOption, match="needs the option 'style'"):
        to_fields(cover, {}, rehearsal=False)
    assert to_fields(cover, {"style": "slow, warm soul"}, rehearsal=False) == {"prompt": "slow, warm soul"}
