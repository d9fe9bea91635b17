"""A class on a real JupyterHub, with the configuration that the notebook for teachers shows, as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.support import ROOT
from tests.support.appearance import grave_issues, overflowing, widths
from tests.support.front_ends import LAB, Server, open_and_run, write_notebook
from tests.support.hub import Hub, running_hub
from tests.support.person import Person

pytestmark = pytest.mark.browser

STUDENTS = ("ada", "ben", "cleo", "dan", "eva")
SONG = """
from minimax_nb import Session, play_sample
song = Session().generate("Ding dong, ding dong", play_sample("reference.mp3"))
print(song.made_by, song.base_url, song.hand_in({name!r}))
"""
GALLERY = "from minimax_nb.classroom import gallery\nprint(gallery())"
STUDIO = """
from minimax_nb import MusicStudio, play_sample
studio = MusicStudio("Ding dong, ding dong", play_sample("reference.mp3"))
studio
"""


def configuration() -> str:
    """What the notebook says."""
    cells = nbformat.read(ROOT / "notebooks" / "05_workshop.ipynb", as_version=4).cells
    (found,) = re.findall(
        r"```python\n(# jupyterhub_config\.py\n.*?)```", "\n".join(c.source for c in cells), re.DOTALL
    )
    assert len(found.strip().splitlines()) <= 13
    return found


def log_in(page: Page, hub: Hub, name: str) -> None:
    page.goto(f"{hub.url}hub/login")
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password]").fill("any")
    page.locator("#login_submit").click()
    page.wait_for_url(f"**/user/{name}/**", timeout=60_000)


@pytest.mark.timeout(600)
def test_a_class_on_a_hub(browser: Browser, tmp_path: Path) -> None:
    url = re.findall(r'bind_url = "(.+)"', configuration())[0]
    with running_hub(tmp_path / "hub", configuration(), url) as hub:
        everybody = (*STUDENTS, "teacher")
        for name in everybody:
            hub.start_server(name)
        for name in everybody:
            hub.wait_for_server(name)

        for name, said in hub.run({name: SONG.format(name=name.title()) for name in STUDENTS}).items():
            assert f"rehearsal band {url}services/songs Handed in as “{name.title()}”." in said, said
        heard = hub.run({"teacher": GALLERY, "ada": GALLERY})
        assert "5 songs handed in." in heard["teacher"], heard
        assert "to the teacher alone" in heard["ada"]
        check_a_stranger_gets_nothing(hub)
        for name in STUDENTS[:2]:
            check_the_studio(browser, hub, name)
        jobs = [json.loads(path.read_text()) for path in (hub.folder / "room" / "room" / "jobs").glob("*/job.json")]
        assert sorted({job["key_prefix"] for job in jobs}) == [f"hub-{name}" for name in STUDENTS]
        assert not list(hub.folder.glob("homes/*/**/service.json"))  # nobody has a service of their own


def check_a_stranger_gets_nothing(hub: Hub) -> None:
    for token in ("", "nonsense"):
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.get(f"{hub.url}services/songs/v1/key", headers=headers, timeout=10)
        assert answer.status_code == 401
    assert requests.post(f"{hub.url}services/songs/rehearsal/join", timeout=10).status_code == 403


def check_the_studio(browser: Browser, hub: Hub, name: str) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    log_in(page, hub, name)
    server = Server(LAB, f"{hub.url}user/{name}", hub.home_of(name), hub.home_of(name))
    write_notebook(server, "studio.ipynb", STUDIO)
    person = Person(page, open_and_run(page, server, "studio.ipynb"))
    person.sees("Rehearsal: free, in your class’s room")
    person.press("Generate song")
    assert person.hears_a_song() > 5
    person.press("Hand in")
    person.sees(f"Handed in as “{name}”.")
    assert not grave_issues(page)
    for width in widths(person):
        person.studio.screenshot(path=str(hub.folder / f"studio-{name}-{width}.png"))
        assert not overflowing(person), width
    context.close()
