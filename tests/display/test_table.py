"""A list that shows itself as a table."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

from minimax_nb.catalogue import offers
from minimax_nb.display.table import Table, models_table, songs_table
from minimax_nb.song import Song, Status


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


def test_the_models_say_what_they_need() -> None:
    table = models_table(offers())
    (cover,) = [line for line in repr(table).splitlines() if line.startswith("minimax/music-cover")]
    assert cover.split("  ")[1:] != []
    assert "needed, longer than 6 s" in cover
    assert "mp3, wav" in cover
    assert "price" not in repr(table).splitlines()[0]
    served = models_table(offers({"minimax-music": 0.037, "music-9": None}))
    shown = served._repr_html_()
    assert "$0.037" in shown
    assert "no longer served" in shown
    assert "music-9" in shown


def test_the_songs_are_a_table() -> None:
    song = Song("r", Status.COMPLETED, datetime.now(UTC), id="x", model="minimax-music", duration=61, cost_usd=0.037)
    shown = repr(songs_table([song]))
    assert "Untitled song" in shown
    assert "1:01" in shown
    assert "$0.037" in shown
    assert "<details><summary>show</summary>x</details>" in songs_table([song])._repr_html_()
    assert repr(songs_table([])) == "No songs yet."
