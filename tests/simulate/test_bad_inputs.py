"""What no simulation can be made of is refused in words."""

import numpy as np
import pytest

from lensfree_nb.errors import LensfreeError, QualityWarning
from lensfree_nb.simulate import (
    OBJECTIVES,
    PRESETS,
    Condition,
    Instrument,
    MeasuredCells,
    acquire,
    bar_target,
    culture,
    focus_stack,
    microspheres,
    timelapse,
    with_debris,
)
from lensfree_nb.train.patches import PatchSource
from tests import seeds

NAN = float("nan")


def rng():
    return np.random.default_rng(seeds.CELLS)


def replaced(thing, **changes):
    from dataclasses import replace

    return replace(thing, **changes)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: culture(64, rng=rng()), "shape is 64"),
        (lambda: culture((64, 0), rng=rng()), "must be > 0"),
        (lambda: culture((64, 64), rng=3), "rng is 3"),
        (lambda: culture((64, 64), -5, rng=rng()), "density_per_mm2 is -5"),
        (lambda: culture((64, 64), NAN, rng=rng()), "density_per_mm2"),
        (lambda: culture((64, 64), rng=rng(), pixel_size_um=0), "pixel_size_um is 0"),
        (lambda: culture((64, 64), rng=rng(), spacing_um=NAN), "spacing_um"),
        (lambda: culture((64, 64), rng=rng(), margin_um=-1), "margin_um"),
        (lambda: culture((64, 64), rng=rng(), kinds={"round": NAN}), "share of round"),
        (lambda: with_debris(culture((64, 64), rng=rng()), (64, 64), NAN, rng=rng()), "density"),
        (lambda: acquire(None, (0, 10), rng=rng()), "shape is"),
        (lambda: acquire(None, (10, 10), rng=None), "rng is None"),
        (lambda: acquire(None, (10, 10), rng=rng(), opd_nm=1e9), "opd_nm reaches"),
        (lambda: timelapse((64, 64), seed=-1), "seed is -1"),
        (lambda: timelapse((64, 64), seed=1, density_per_mm2=-1.0), "density_per_mm2"),
        (lambda: focus_stack(None, (64, 64), 0.0, rng=1), "rng is 1"),
        (lambda: Condition("10x", "fibroblast", "glass"), "objective is '10x'"),
        (lambda: replaced(OBJECTIVES["10x/0.30"], wavelength_nm=(0.55,)), "wavelength_nm is 0.55"),
        (lambda: microspheres((64, 64), 5.0, 1.5, rng=rng(), absorbance=-1), "absorbance is -1"),
        (lambda: bar_target((64, 64), widths_um=(NAN,)), "widths_um"),
        (lambda: bar_target((64, 64)), "rows and"),
        (lambda: Instrument(slope_um_per_mm=2.0), "pairs"),
        (lambda: Instrument(shift_um=((NAN, 0.0),) * 3), "pairs"),
        (lambda: Instrument(dust_per_mm2=NAN), "dust_per_mm2"),
        (lambda: PatchSource(1, bank_cells=1), "bank_cells is 1"),
        (lambda: PatchSource(1, field_px=0), "field_px is 0"),
        (lambda: PatchSource(-1), "seed is -1"),
        (lambda: PatchSource(1, instrument="perfect"), "perfect"),
        (lambda: PatchSource(1).field(-1), "number is -1"),
    ],
)
def test_refused_in_words(make, words):
    with pytest.raises(LensfreeError, match=words):
        make()


def test_lists_and_numpy_numbers_are_as_good_as_others():
    whole = np.int64(64)
    ds = acquire(None, [whole, 64], rng=rng(), opd_nm=np.ones((64, 64)), instrument="ideal")
    assert ds["truth_opd"].shape == (64, 64)
    setup = replaced(PRESETS["plain"].setup, wavelength_nm=[640.0, 530.0, 450.0])
    camera = replaced(PRESETS["paper"].camera, bits=np.int64(12))
    listed = replaced(PRESETS["plain"], setup=setup, camera=camera)
    assert timelapse((64, 64), seed=np.int64(3), frames=2, instrument=listed)[0].sizes["time"] == 2
    assert PatchSource(1, instrument="plain").patches_a_field == 16


def test_one_plane_may_be_a_number_and_a_field_empty():
    ds = focus_stack(None, (48, 48), 5.0, rng=rng())
    assert ds.sizes["position"] == 1
    assert float(ds["truth_opd"].max()) == 0.0


def test_a_culture_may_be_empty_for_days():
    ds, truth = timelapse((64, 64), seed=1, frames=2, density_per_mm2=0)
    assert len(truth.partitions[1].compute()) == 0
    assert np.isfinite(ds["hologram"][1].compute()).all()
    empty = culture((64, 64), 0, rng=rng())
    assert set(culture((64, 64), 400, rng=rng()).columns) <= set(empty.columns)


def test_cells_in_radians_are_warned_of():
    with pytest.warns(QualityWarning, match="nm"):
        MeasuredCells.of([np.pad(np.full((20, 20), 1.2), 4)], 0.4)
