"""Which of several frames is looked at, and what is made of it."""

import numpy as np
import pytest

from lensfree_nb.errors import DataError
from lensfree_nb.run.frame_values import first_usable


def frames(number=3):
    """Each of its own brightness."""
    return np.ones((number, 2, 8, 10)) * np.arange(1, number + 1)[:, None, None, None]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_a_frame_with_a_bad_exposure_is_passed_over(bad):
    given = frames()
    given[0, 1] = bad
    number, values = first_usable(given)
    assert number == 1
    np.testing.assert_array_equal(values, given[1])


def test_where_an_exposure_is_missing_throughout_the_fullest_frame_is_taken():
    given = frames()
    given[:, 0] = np.nan
    given[0] = np.nan
    given[1, 1, :3] = np.nan
    assert first_usable(given)[0] == 2


def test_pixels_at_the_end_of_the_range_are_not_known():
    given = frames()
    given[0, :, :5] = 9.0
    assert first_usable(given)[0] == 0
    number, _ = first_usable(given, full_scale=9.0)
    assert number == 1


def test_a_single_frame_is_its_own_choice():
    number, values = first_usable(frames()[1])
    assert number == 0
    assert values.shape == (2, 8, 10)


def test_if_none_can_be_used_the_first_says_why():
    given = frames(2)
    given[0, 0] = 0.0
    given[1] = np.nan
    with pytest.raises(DataError, match="exposure 0 of the hologram is dark"):
        first_usable(given)
