"""How a studio looks: screenshots for people, and axe's rules for those who cannot see it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.support.front_ends import LAB, Server
from tests.support.person import Person

WIDTHS = (360, 700, 1200)
GRAVE = ("serious", "critical")
_SETTLED = 150
"""How long a page may take to draw a new theme or width, in milliseconds."""


def take_screenshots(person: Person, server: Server, state: str) -> None:
    """Save screenshots of the studio as it stands, if ``MINIMAX_NB_SCREENSHOTS`` names a folder.

    In Lab narrow to wide, by day and by night; elsewhere as it is.
    """
    wanted = os.environ.get("MINIMAX_NB_SCREENSHOTS")
    if not wanted:
        return
    folder = Path(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    if server.front_end is not LAB:
        with _tall(person.page, width=1200):
            person.studio.screenshot(path=folder / f"{server.front_end.name}-{state}.png", animations="disabled")
        return
    for theme in themes(person.page):
        for width in widths(person):
            picture = folder / f"lab-{state}-{width}-{theme.lower()}.png"
            person.studio.screenshot(path=picture, animations="disabled")


def themes(page: Page) -> Iterator[str]:
    """Show Lab by night and by day; it stays with the last one."""
    for theme in ("Dark", "Light"):
        name = f"JupyterLab {theme}"
        page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
        page.wait_for_timeout(_SETTLED)
        yield theme


def widths(person: Person) -> Iterator[int]:
    """Give the studio each of its widths, in pixels, and then its own."""
    with _tall(person.page, width=1700):
        for width in WIDTHS:
            person.studio.evaluate("(node, width) => { node.style.width = `${width}px`; }", width)
            person.page.wait_for_timeout(_SETTLED)
            yield width
        person.studio.evaluate("node => { node.style.width = ''; }")


@contextmanager
def _tall(page: Page, width: int) -> Iterator[None]:
    """Make the page so tall that the studio is seen as a whole."""
    before = page.viewport_size
    if before == {"width": width, "height": 3000}:
        yield
        return
    page.set_viewport_size({"width": width, "height": 3000})
    page.wait_for_timeout(_SETTLED)
    yield
    if before:
        page.set_viewport_size(before)


def overflowing(person: Person) -> list[str]:
    """What inside the studio is wider than the studio, as a person would see it."""
    found: list[str] = person.studio.evaluate(
        """studio => {
            const right = studio.getBoundingClientRect().right + 1;
            return [...studio.querySelectorAll('*')]
                .filter(node => node.getClientRects().length && node.getBoundingClientRect().right > right)
                .map(node => `${node.tagName}.${node.className}`);
        }"""
    )
    return found


def grave_issues(page: Page, *rules: str, inside: str = ".mnb-studio") -> list[str]:
    """What axe finds serious or critical inside the studio, or another element, one line for each place.

    By all rules, or by some.
    """
    # Lab's body has no height of its own and hides what overflows, so axe would take the whole page for hidden;
    # and what is scrolled away is not examined.
    page.evaluate("() => { document.body.style.minHeight = '100vh'; }")
    with _tall(page, width=1200):
        options = {"resultTypes": ["violations", "passes"]} | ({"runOnly": list(rules)} if rules else {})
        response: dict[str, Any] = Axe().run(page, inside, options).response
    assert len(_contrasts(response)) > 10, "axe has not seen the studio"
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]} {_reasons(node)}"
        for violation in response["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def _contrasts(response: dict[str, Any]) -> list[float]:
    """The contrasts that axe has measured."""
    rules = [rule for kind in ("violations", "passes") for rule in response[kind] if rule["id"] == "color-contrast"]
    data = [check["data"] for rule in rules for node in rule["nodes"] for check in node["any"]]
    return [each["contrastRatio"] for each in data if each and each.get("contrastRatio")]


def _reasons(node: dict[str, Any]) -> str:
    return " ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])
