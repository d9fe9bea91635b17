"""The shipped notebooks in a real JupyterLab: Run All, and nothing on the page says that something is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.front_ends import ROOT, Server, open_notebook, wait_for_kernel
from tests.support.home import end_rehearsal
from tests.support.service import running_service

pytestmark = pytest.mark.browser

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ALL_OF_IT = 120_000
"""How long all notebooks together may take, in milliseconds."""

_SHOW = """async name => {
    const {commands, shell} = window.jupyterapp;
    const shown = await commands.execute('docmanager:open', {path: name});
    shell.activateById(shown.id);
}"""
_SHOWN = "name => window.jupyterapp.shell.currentWidget.context?.path === name"
# No promise is returned: it lasts as long as the cells do.
_RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
# The errors of the notebook that is shown, once all its cells have run or one has failed; before that, nothing.
_ERRORS = """() => {
    const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells].filter(cell => cell.type === 'code');
    const outputs = cells.flatMap(cell => cell.outputs.toJSON());
    const errors = outputs.filter(output => output.output_type === 'error').map(output => output.evalue);
    return errors.length || cells.every(cell => cell.executionCount) ? errors : null;
}"""
_END = "() => window.jupyterapp.serviceManager.sessions.shutdownAll()"


@pytest.fixture
def quick_lab(lab: Server) -> Iterator[Server]:
    """Lab with a folder for each notebook, and for its own library a service whose songs take no time."""
    end_rehearsal(lab.home)
    for path in NOTEBOOKS:
        (lab.root / path.stem).mkdir()
        shutil.copy(path, lab.root / path.stem)
    with running_service(lab.home):
        yield lab
    for rehearsal in lab.root.glob("*/*/rehearsal"):
        end_rehearsal(rehearsal.parent)


def test_all_of_them_run_from_top_to_bottom(page: Page, quick_lab: Server) -> None:
    names = [f"{path.stem}/{path.name}" for path in NOTEBOOKS]
    open_notebook(page, quick_lab, names[0])
    for name in names:  # each is opened while those before it run
        show(page, name)
        wait_for_kernel(page, quick_lab)
        page.evaluate(_RUN_ALL)
    for name in names:
        show(page, name)
        errors = page.wait_for_function(_ERRORS, timeout=ALL_OF_IT).json_value()
        assert (name, errors) == (name, [])
        expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    page.evaluate(_END)


def show(page: Page, name: str) -> None:
    """Bring a notebook to the front, opened if it is not yet."""
    page.evaluate(_SHOW, name)
    page.wait_for_function(_SHOWN, arg=name)
