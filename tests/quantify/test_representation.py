import numpy as np
import pytest

from lensfree_nb.errors import DimensionError, ParameterError
from lensfree_nb.quantify.representation import owners, representation
from tests import seeds


def brute(points, shape, disc_px):
    """The rule, pixel by pixel."""
    found = np.full(shape, -1)
    for pixel in np.ndindex(shape):
        apart = np.hypot(*(points - pixel).T)
        if len(apart) and apart.min() <= disc_px / 2:
            found[pixel] = apart.argmin()
    return found


@pytest.mark.parametrize("disc_px", [1.5, 6.0, 9.3])
def test_every_pixel_belongs_to_the_nearest_centre_in_reach(disc_px):
    points = np.random.default_rng(seeds.CELLS).uniform(-4, 44, (60, 2))
    np.testing.assert_array_equal(
        owners(points, (40, 37), disc_px), brute(points, (40, 37), disc_px)
    )


def test_of_centres_equally_near_the_first_owns_the_pixel():
    points = np.array([[5.0, 5.0], [5.0, 5.0], [5.0, 9.0]])
    found = owners(points, (11, 15))
    assert 1 not in found
    assert found[5, 7] == 0


def test_a_disc_of_the_paper_is_ten_micrometres_wide():
    columns = np.flatnonzero((owners(np.array([[20.0, 20.5]]), (40, 40)) == 0).any(0))
    assert columns[-1] - columns[0] + 1 == 6


def test_no_cell_makes_an_empty_map():
    owner = owners(np.empty((0, 2)), (8, 9))
    assert (owner == -1).all()
    assert (representation(np.empty((0, 4)), owner) == np.zeros((4, 8, 9))).all()


def test_values_stand_on_their_cells():
    points, values = np.array([[3.0, 3.0], [12.0, 12.0]]), np.array([[1.0, 10.0], [2.0, 20.0]])
    maps = representation(values, owners(points, (16, 16)))
    assert maps.dtype == np.float32
    assert maps[:, 3, 3].tolist() == [1, 10]
    assert maps[:, 12, 12].tolist() == [2, 20]
    assert maps[:, 8, 8].tolist() == [0, 0]


def test_what_is_no_disc_or_no_point_is_refused():
    with pytest.raises(ParameterError, match="disc_px is 1"):
        owners(np.zeros((1, 2)), (8, 8), disc_px=1.0)
    with pytest.raises(DimensionError, match="shape"):
        owners(np.zeros(2), (8, 8))
    with pytest.raises(DimensionError, match="finite"):
        owners(np.array([[np.nan, 1.0]]), (8, 8))
