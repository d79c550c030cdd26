import numpy as np
import pandas as pd
import pytest

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.render import Field, Place, batches, draw
from tests import seeds


@pytest.fixture(scope="module")
def cells():
    return culture((300, 300), 400, rng=np.random.default_rng(seeds.SHAPES), kinds={"round": 0.2})


def test_drawing_keeps_the_mass_and_needs_no_luck(cells):
    field = Field((700, 700), 1.0, (-100.0, -100.0))
    first, second = (draw(cells, field)[0].numpy() for _ in range(2))
    assert first.tobytes() == second.tobytes()
    mass = first.sum(dtype=float) * 1e-3 / 0.18
    assert mass == pytest.approx(cells["dry_mass_pg"].sum(), rel=0.005)


def test_a_part_of_the_field_is_the_part_of_the_whole(cells):
    whole = draw(cells, Field((600, 600), 1.0))[0].numpy()
    part = draw(cells, Field((200, 150), 1.0, (120.0, 260.0)))[0].numpy()
    inner = (slice(40, -40), slice(40, -40))
    np.testing.assert_allclose(part[inner], whole[120:320, 260:410][inner], atol=0.1)


def test_what_does_not_touch_the_field_is_not_drawn(cells):
    far = cells.assign(y_um=cells["y_um"] + 5000.0)
    assert not draw(far, Field((64, 64), 1.0))[0].any()
    assert not list(batches(cells.iloc[:0], Field((64, 64), 1.0)))


def test_dark_cells_absorb_in_proportion():
    cell = pd.DataFrame(
        {"kind": ["round"], "y_um": [50.0], "x_um": [50.0], "semi_major_um": [8.0],
         "semi_minor_um": [8.0], "angle_rad": [0.0], "height_nm": [300.0], "absorbance": [0.4]}
    )  # fmt: skip
    opd, absorption = (layer.numpy() for layer in draw(cell, Field((100, 100), 1.0)))
    np.testing.assert_allclose(absorption, opd / 300.0 * 0.4, rtol=1e-5)


def test_places_are_clipped():
    assert Place.of(-4, 8, 10, (20, 20)) == Place(
        (slice(0, 6), slice(8, 18)), (slice(4, 10), slice(0, 10))
    )
    assert Place.of(-10, 0, 10, (20, 20)) is None


def test_a_column_that_only_some_rows_have_is_theirs_alone(cells):
    dark = cells.assign(absorbance=0.3)
    mixed = pd.concat([dark, cells.drop(columns=["edge"])], ignore_index=True)
    field = Field((600, 600), 1.0)
    assert torch_equal(draw(mixed.iloc[: len(cells)], field), draw(dark, field))
    both = draw(mixed.assign(contact=0.0), field)[1]
    only = draw(dark.assign(contact=0.0), field)[1]
    np.testing.assert_allclose(both, only, atol=1e-5)


def torch_equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ["y_um", "height_nm", "angle_rad"])
def test_a_cell_of_which_something_is_unknown_is_refused(cells, name):
    holed = cells.copy()
    holed.loc[3, name] = np.nan
    with pytest.raises(ParameterError, match=f"no {name} in row 3"):
        draw(holed, Field((64, 64), 1.0))
    with pytest.raises(ParameterError, match=name):
        draw(cells.drop(columns=name), Field((64, 64), 1.0))


def test_riders_lie_on_top_and_take_nothing_away(cells):
    below = cells.iloc[[0]].assign(contact=0.8)
    rider = cells.iloc[[1]].assign(
        contact=0.0, y_um=below["y_um"].iloc[0], x_um=below["x_um"].iloc[0] + 8.0
    )
    field = Field((600, 600), 1.0)
    alone = sum(draw(table, field)[0] for table in (below, rider))
    together = draw(pd.concat([below, rider], ignore_index=True), field)[0]
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_what_has_no_thickness_may_absorb(cells):
    thin = cells.assign(height_nm=0.0, nucleus_nm=0.0, absorbance=0.5)
    opd, dark = draw(thin, Field((600, 600), 1.0))
    assert not opd.any()
    assert bool(np.isfinite(dark).all())
    assert float(dark.max()) > 0.3
