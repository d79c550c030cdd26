"""The panel of focus, driven by a real browser."""

import shutil
import socket
import threading
import time

import pandas as pd
import pytest

from lensfree_nb.dashboards.focus_panel import LOOPBACK, FocusPanel
from lensfree_nb.nets.registry import load_network
from tests.dashboards.focus import networks, tiff

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: make browser installs it")
WAIT_MS = 60_000


@pytest.fixture
def page():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 1000, "height": 1400})
        shown.set_default_timeout(WAIT_MS)
        yield shown
        browser.close()


@pytest.fixture
def panel(tmp_path):
    (tmp_path / "weights").mkdir()
    made = FocusPanel(tmp_path / "mine")
    made.session.begun, made.session.restorer = networks(tmp_path / "weights")
    made.session.sorter = made.session.begun
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    server = made.serve(port, show=False, threaded=True)
    _wait_for(port)
    yield made, f"http://{LOOPBACK}:{port}"
    server.stop()
    load_network.cache_clear()


def test_somebody_drops_images_tags_trains_sorts_restores_and_saves(page, panel):
    made, address = panel
    page.goto(address)
    files = [
        {"name": f"well {n}.tif", "mimeType": "image/tiff", "buffer": tiff(n)} for n in range(4)
    ]
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_text("4 images.").wait_for()
    page.get_by_text("well_3").wait_for()
    for number in range(4):
        said = "in focus" if number % 2 == 0 else "out of focus"
        page.get_by_role("button", name=said, exact=True).nth(number).click()
    for step in ("Train", "Sort", "Restore", "Save"):
        page.get_by_role("button", name=step, exact=True).click()
        page.get_by_text(f"{step}: done.").wait_for()
    assert page.get_by_text("depths of field away").count() == 4
    page.get_by_text("lf.write_images").wait_for()
    table = pd.read_csv(made.session.folder / "results" / "focus.csv")
    assert table["position"].tolist() == [f"well_{n}" for n in range(4)]
    assert made.session.tags == {"well_0": True, "well_1": False, "well_2": True, "well_3": False}


def test_while_a_step_is_done_no_other_begins(page, panel):
    made, address = panel
    done, calls = threading.Event(), []

    def slowly():
        calls.append(made.busy)
        assert done.wait(WAIT_MS / 1000)

    made.session.save = slowly
    page.goto(address)
    save, train = (page.get_by_role("button", name=name, exact=True) for name in ("Save", "Train"))
    save.dblclick()
    page.get_by_text("Save …").wait_for()
    sync_api = pytest.importorskip("playwright.sync_api")
    for button in (save, train):
        sync_api.expect(button).to_be_disabled()
    done.set()
    page.get_by_text("Save: done.").wait_for()
    sync_api.expect(train).to_be_enabled()
    assert calls == [True]


def _wait_for(port):
    until = time.monotonic() + WAIT_MS / 1000
    while True:
        try:
            return socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
