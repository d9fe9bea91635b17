"""A list that shows itself as a table."""

from __future__ import annotations

import pickle

from minimax_nb.display.table import Table


def test_it_is_a_list_that_shows_its_rows() -> None:
    table = Table([(1, "<one>"), (22, "two")], {"number": lambda row: str(row[0]), "name": lambda row: row[1]})
    assert table == [(1, "<one>"), (22, "two")]
    assert repr(table).splitlines() == ["number  name", "1       <one>", "22      two"]
    assert "<td" in table._repr_html_()
    assert "&lt;one&gt;" in table._repr_html_()
    assert pickle.loads(pickle.dumps(table)) == table


def test_an_empty_one_says_so() -> None:
    assert repr(Table([], {}, "No songs yet.")) == "No songs yet."
    assert "No songs yet." in Table([], {}, "No songs yet.")._repr_html_()
