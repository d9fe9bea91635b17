"""The tree of errors: what it promises for each of them."""

import copy
import pickle

import pytest

from minimax_nb import errors

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.MusicError)]


@pytest.mark.parametrize("error_class", ALL, ids=lambda error_class: error_class.__name__)
def test_every_error_says_what_happened_whether_money_was_spent_and_what_to_do(
    error_class: type[errors.MusicError],
) -> None:
    error = error_class("Something happened.", song_id="abc")
    assert str(error).startswith("Something happened. ")
    assert any(sentence in str(error) for sentence in ("Nothing was spent", "may have been spent", "is paid for"))
    assert str(error).endswith(error.do)
    assert error.do
    assert error.spent in ("no", "maybe", "yes")
    assert error_class.__name__ in errors.__doc__.split("A message is")[0]


def test_input_is_a_value_error_and_a_deadline_a_timeout() -> None:
    for error_class in (errors.InvalidLyrics, errors.InvalidReference, errors.InvalidOption, errors.InvalidKey):
        assert issubclass(error_class, ValueError)
    assert issubclass(errors.WaitTimeout, TimeoutError)


def test_an_error_survives_copy_and_pickle() -> None:
    error = errors.RateLimited("Too fast.", retry_after=3.0, song_id="abc", do="Wait.")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(twin), twin.retry_after, twin.song_id) == (str(error), 3.0, "abc")
