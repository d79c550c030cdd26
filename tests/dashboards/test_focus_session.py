"""What the panel of focus does, and that its lines of code do the same."""

import asyncio

import numpy as np
import pytest
import tifffile

from lensfree_nb.dashboards.focus_panel import BLURRED, SHARP, UNTAGGED, FocusPanel, thumbnail
from lensfree_nb.dashboards.focus_session import FocusSession
from lensfree_nb.errors import DataError, OpeningError
from lensfree_nb.nets.registry import load_network
from tests import seeds
from tests.dashboards.focus import networks, stack, tiff


@pytest.fixture
def session(tmp_path):
    (tmp_path / "weights").mkdir()
    made = FocusSession(tmp_path / "mine")
    made.begun, made.restorer = networks(tmp_path / "weights")
    made.sorter = made.begun
    yield made
    load_network.cache_clear()


def filled(session, count=6):
    for number in range(count):
        session.add(f"well {number}.tif", tiff(number))
    return session


def test_images_are_sorted_restored_and_saved_as_its_lines_say(session):
    filled(session)
    for name in session.names:
        session.tag(name, int(name[-1]) % 2 == 0)
    session.tag("well_5", None)
    session.train(minutes=5)
    assert session.sorter.endswith("sorter.safetensors")
    session.restore()
    written = session.save()
    assert [path.name for path in written][-1] == "focus.csv"
    assert len(written) == 7
    # The same steps in a notebook give the same files.
    first = [tifffile.imread(path) for path in written[:-1]]
    said = {}
    exec("\n".join(session.lines), said)
    for path, image in zip(written, first, strict=False):
        np.testing.assert_allclose(tifffile.imread(path), image, atol=0.5)
    assert len(session.lines) == 6


def test_a_step_done_again_is_told_once(session):
    filled(session, 2)
    session.sort()
    session.sort()
    session.restore(everything=True)
    assert sum(line.startswith("sorted_images") for line in session.lines) == 1
    assert session.images["was_restored"].all()
    assert session.picture("well_0", "restored").shape == (70, 80)
    # What follows from a step that is done anew is gone, and a trained sorter stays.
    for name, in_focus in zip(filled(session).names, [True, False] * 3, strict=True):
        session.tag(name, in_focus)
    assert len(session.lines) == 2
    session.restore(everything=True)
    session.sort()
    assert "restored" not in session.images
    session.train()
    assert "focus" not in session.images
    session.add("one more.png.tif", tiff(7))
    assert session.lines[-1] == f"sorter = {session.sorter!r}"


def test_what_is_no_image_is_refused_and_nothing_leaves_the_folder(session):
    with pytest.raises(OpeningError, match="not understood"):
        session.add("notes.txt", b"text")
    with pytest.raises(DataError, match="no images yet"):
        session.sort()
    session.add("../../away.tif", tiff(0))
    assert [path.name for path in (session.folder / "images").iterdir()] == ["away.tif"]
    # Neither another image nor a broken one takes the place of what is there.
    session.add("away.tif", tiff(1))
    session.add("away.tif", tiff(0))
    session.add("细胞.tif", tiff(2))
    for broken in (b"no tiff", tiff(3)[:5000]):
        with pytest.raises(OpeningError, match=r"away\.tif cannot be read"):
            session.add("away.tif", broken)
    with pytest.raises(OpeningError, match="holds 2 images"):
        session.add("away.tif", stack())
    assert session.names == ["away", "away_1", "image"]
    assert (session.folder / "images" / "away.tif").read_bytes() == tiff(0)
    with pytest.raises(OpeningError, match="the others are"):
        session.add("small.tif", tiff(0, 40))
    assert FocusSession(session.folder).names == session.names
    with pytest.raises(DataError, match="no image 'well'"):
        session.tag("well", True)


def test_the_panel_shows_what_was_done_and_tells_what_went_wrong(tmp_path):
    panel = FocusPanel(tmp_path / "panel")
    (tmp_path / "weights").mkdir()
    panel.session.begun, panel.session.restorer = networks(tmp_path / "weights")
    panel.session.sorter = panel.session.begun
    asyncio.run(panel.do("Sort"))
    assert "no images yet" in panel.message.object
    panel.files.filename = [f"{number}.tif" for number in range(2)] + ["bad.tif"]
    panel.files.value = [tiff(0), tiff(1), b"nothing"]
    assert "bad.tif" in panel.message.object
    assert len(panel.gallery.objects) == 2
    tag = panel.gallery.objects[0][1]
    assert [*tag.options] == [UNTAGGED, SHARP, BLURRED]
    tag.value = SHARP
    assert panel.session.tags == {"0": True}
    asyncio.run(panel.do("Train"))
    assert "tag two at least" in panel.message.object
    assert not panel.buttons["Train"].disabled
    for step in ("Restore", "Save"):
        asyncio.run(panel.do(step))
        assert panel.message.object == f"{step}: done."
    assert "focus 0." in panel.gallery.objects[0][2].object
    assert "lf.write_images(restored" in panel.code.object
    load_network.cache_clear()


def test_thumbnails_of_anything():
    assert thumbnail(np.full((500, 300), np.nan)).startswith(b"\x89PNG")
    assert len(thumbnail(np.random.default_rng(seeds.PIXELS).random((3000, 2000)))) < 100_000
