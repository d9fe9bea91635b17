"""What installing this package asks for."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PINS = dict(
    line.split("==")
    for line in (Path(__file__).parent / "data" / "colab-pins.txt").read_text().splitlines()
    if "==" in line
)

NEW_TO_COLAB = {"jupyter-ui-poll", "espeakng-loader", "pyworld-prebuilt"}
"""What is installed there along with this package, and changes nothing."""


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


# The notebooks ask for two extras as well.
ASKED_THERE = [
    text
    for text in metadata.requires("minimax_nb") or []
    if "extra ==" not in text or "'plot'" in text or "'voice'" in text
]


@pytest.mark.parametrize("text", ASKED_THERE)
def test_every_requirement_admits_what_colab_has_installed(text: str) -> None:
    requirement = Requirement(text)
    installed = {canonical(name): version for name, version in PINS.items()}
    if canonical(requirement.name) in NEW_TO_COLAB:
        assert canonical(requirement.name) not in installed
        return
    assert requirement.specifier.contains(installed[canonical(requirement.name)])
