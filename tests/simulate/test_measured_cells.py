import tarfile

import h5py
import numpy as np
import pytest
from scipy.io import loadmat
from skimage.measure import label

from lensfree_nb.errors import DataError, ParameterError
from lensfree_nb.io.samples import SAMPLES
from lensfree_nb.simulate import MeasuredCells, acquire, culture
from tests.seeds import CELLS, NOISE


def disc(side=40, radius=14, height=120.0):
    y, x = np.indices((side, side)) - (side - 1) / 2
    return height * np.clip(1 - (y**2 + x**2) / radius**2, 0, None)


def test_mass_and_height_of_the_images_survive():
    image = disc()
    bank = MeasuredCells.of([image, 2 * image], 0.4)
    table = culture(
        (200, 200), 150.0, rng=np.random.default_rng(CELLS), kinds={"measured": 1.0},
        measured_cells=bank, contact=0.0,
    )  # fmt: skip
    own = image.sum() * 0.4**2 * 1e-3 / 0.18
    expected = own * (1 + table["measured_cell"])
    assert set(table["measured_cell"]) == {0, 1}
    np.testing.assert_allclose(table["dry_mass_pg"], expected, rtol=0.02)
    np.testing.assert_allclose(table["max_opd_nm"], 120 * (1 + table["measured_cell"]), rtol=0.02)
    area = (image > 24).sum() * 0.4**2
    np.testing.assert_allclose(table["area_um2"], area, rtol=0.05)


def test_the_drawn_culture_holds_their_mass_and_can_be_mixed():
    bank = MeasuredCells.of([disc()], 0.4)
    table = culture(
        (160, 160), 200.0, rng=np.random.default_rng(CELLS), kinds={"measured": 0.5},
        measured_cells=bank, margin_um=40.0,
    )  # fmt: skip
    assert {"measured", "adherent"} == set(table["kind"])
    inner = table[table[["y_um", "x_um"]].apply(lambda c: c.between(25, 240)).all(axis=1)]
    only = inner[inner["kind"] == "measured"].assign(contact=0.0)
    ds = acquire(
        only, (160, 160), rng=np.random.default_rng(NOISE), instrument="ideal", measured_cells=bank
    )
    drawn = float(ds["truth_opd"].sum()) * 1.67**2 * 1e-3 / 0.18
    alone = disc().sum() * 0.4**2 * 1e-3 / 0.18 * len(only)
    assert drawn == pytest.approx(alone, rel=0.15)  # those that lost ground have grown
    with pytest.raises(ParameterError, match="measured_cells"):
        acquire(table, (64, 64), rng=np.random.default_rng(NOISE))


def test_a_turned_cell_turns():
    long = np.zeros((40, 64))
    long[14:26, 4:60] = 100.0
    bank = MeasuredCells.of([long], 0.4)
    table = culture(
        (300, 300), 60.0, rng=np.random.default_rng(CELLS), kinds={"measured": 1.0},
        measured_cells=bank,
    )  # fmt: skip
    np.testing.assert_allclose(table["major_axis_um"], 56 * 0.4 * 4 / 12**0.5, rtol=0.05)


def test_cut_leaves_out_what_is_cut_or_not_alone():
    opd, labels = np.zeros((100, 100)), np.zeros((100, 100), int)
    for number, (top, left) in enumerate([(0, 40), (20, 20), (60, 60), (60, 71)], start=1):
        place = np.s_[top : top + 10, left : left + 10]
        opd[place], labels[place] = 10.0 * number, number
    bank = MeasuredCells.cut(opd, labels, 1.0)
    assert bank.opd_nm.max(axis=(1, 2)).tolist() == [20.0]
    with pytest.raises(ParameterError, match="stands alone"):
        MeasuredCells.cut(opd, np.where(labels == 1, 1, 0), 1.0)


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: MeasuredCells.of([], 0.4), ParameterError, "empty"),
        (lambda: MeasuredCells.of([disc()], 0.0), ParameterError, "pixel_size_um"),
        (lambda: MeasuredCells.of([np.full((9, 9), np.nan)], 0.4), DataError, "unknown"),
        (lambda: MeasuredCells.of([np.zeros((9, 9))], 0.4), DataError, "no cell"),
        (lambda: MeasuredCells.cut(np.zeros((4, 4)), np.zeros((5, 5), int), 1.0),
         ParameterError, "shapes|labels"),
        (lambda: culture((64, 64), rng=np.random.default_rng(1), kinds={"measured": 1.0}),
         ParameterError, "measured_cells"),
    ],
)  # fmt: skip
def test_what_is_no_cell_is_refused(build, error, words):
    with pytest.raises(error, match=words):
        build()


@pytest.mark.data
def test_a_culture_of_measured_hl60_cells(data_folder):
    path = data_folder / SAMPLES["hl60_opd_views"].path
    with tarfile.open(path, "r:xz") as tar, h5py.File(tar.extractfile("series.h5")) as series:
        views = [series[f"qpi_{n}/phase/raw"][:] for n in range(0, 140, 14)]
    to_nm = 647 / (2 * np.pi)
    bank = MeasuredCells.of([view * to_nm for view in views], 0.139)
    table = culture(
        (160, 160), 300.0, rng=np.random.default_rng(CELLS), kinds={"measured": 1.0},
        measured_cells=bank, margin_um=30.0,
    )  # fmt: skip
    # 305 to 321 nm from all sides (SOURCES of the data): the averaged pitch takes little off.
    assert table["max_opd_nm"].between(280, 330).all()
    assert table["dry_mass_pg"].std() < 0.1 * table["dry_mass_pg"].mean()
    ds = acquire(table, (160, 160), rng=np.random.default_rng(NOISE), measured_cells=bank)
    assert float(ds["truth_opd"].max()) > 250
    again = acquire(table, (160, 160), rng=np.random.default_rng(NOISE), measured_cells=bank)
    assert ds.identical(again)


@pytest.mark.data
def test_red_cells_out_of_measured_maps(data_folder):
    folder = data_folder / "holograms/beads_and_red_blood_cells/red_blood_cell"
    opd = loadmat(folder / "gt_phase1.mat")["gt_phase"] * 532 / (2 * np.pi)
    opd -= np.median(opd)
    bank = MeasuredCells.cut(opd, label(opd > 60), 6.5)
    assert len(bank.opd_nm) > 5
    # As they were seen through a magnifying lens: 6.5 um pixels, cells 20 pixels wide.
    table = culture(
        (256, 256), 10.0, rng=np.random.default_rng(CELLS), pixel_size_um=6.5,
        kinds={"measured": 1.0}, measured_cells=bank, contact=0.0,
    )  # fmt: skip
    assert table["max_opd_nm"].between(60, 275).all()  # 3.2 rad at most, where two overlap
    assert (table["area_um2"] / 6.5**2).median() == pytest.approx(350, rel=0.4)
