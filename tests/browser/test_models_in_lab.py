"""Other models than the usual one, from the menu to the player, in JupyterLab."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.front_ends import Server, open_and_run, write_notebook
from tests.support.person import LYRICS, Person, studio_cell, tone
from tests.support.service import Running

pytestmark = [pytest.mark.browser, pytest.mark.one_page]

STYLE = "slow folk with two guitars"


@dataclass(frozen=True)
class Form:
    """What a person fills in for a model, and the request that this becomes."""

    model: str
    lyrics: str = ""
    reference: bool = False
    request: dict[str, str] = field(default_factory=dict)


FORMS = [
    Form("minimax/music-2.0", LYRICS, request={"prompt": STYLE, "lyrics": LYRICS}),
    Form("google/lyria2", request={"prompt": STYLE}),
    Form("minimax/music-cover", reference=True, request={"prompt": STYLE}),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.model)
def test_a_model_is_chosen_and_its_song_plays(
    page: Page, lab: Server, quick_band: Running, home: Path, tmp_path: Path, form: Form
) -> None:
    name = f"{form.model.replace('/', ' ')}.ipynb"
    write_notebook(lab, name, studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, lab, name))
    person.studio.get_by_label("Model", exact=True).select_option(form.model)
    style = person.studio.get_by_label(re.compile("^Style: "))
    expect(style).to_be_visible()
    expect(person.lyrics).to_be_visible(visible="lyrics" in form.request or form.reference)
    expect(person.studio.get_by_label("With accompaniment")).to_be_hidden()
    expect(person.drop_zone).to_be_visible(visible=form.reference)
    expect(person.button("Generate song")).to_be_disabled()
    style.fill(STYLE)
    if form.lyrics:
        person.write(form.lyrics)
    if form.reference:
        person.upload(tone(tmp_path, 20))
        person.sees("tone 20 s.mp3, 0:20")
    person.press("Generate song")
    assert person.hears_a_song() == pytest.approx(2, abs=0.2)
    (job,) = quick_band.jobs()
    sent = {name: value for name, value in job["body"].items() if name in ("prompt", "lyrics")}
    assert (job["body"]["model"], sent) == (form.model, form.request)
