"""What is refused at the doors, and what is let in."""

import math

import numpy as np
import pytest

from lensfree_nb.checks import (
    check_choice,
    check_count,
    check_number,
    check_rng,
    checked_seed,
    checked_shape,
)
from lensfree_nb.errors import ParameterError


@pytest.mark.parametrize("value", [0, 0.5, 1.0, np.float32(0.25), np.int16(1)])
def test_numbers_within_are_let_in(value):
    check_number("share", value, 0, 1)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, True, "1", None, [1], 1j])
def test_no_other_number_is(value):
    with pytest.raises(ParameterError, match=r"share is .*must be a number >= 0 and <= 1"):
        check_number("share", value, 0, 1)


def test_an_open_end_is_no_part_of_the_range():
    check_number("reuse", 1e-9, open_low=True)
    with pytest.raises(ParameterError, match="> 0"):
        check_number("reuse", 0, open_low=True)


@pytest.mark.parametrize("value", [2.0, 1, True, "3", None, math.nan, -2])
def test_counts_are_whole(value):
    check_count("windows", np.int64(2), 2)
    with pytest.raises(ParameterError, match=r"windows is .*whole number >= 2"):
        check_count("windows", value, 2)


@pytest.mark.parametrize("value", [(0, 4), (4,), (4, 4, 4), (4.0, 4), "ab", None, 7])
def test_shapes_are_two_whole_numbers(value):
    assert checked_shape((np.int32(3), 4)) == (3, 4)
    with pytest.raises(ParameterError, match="sensor is"):
        checked_shape(value, "sensor")


def test_counts_may_have_an_end():
    check_count("depth", 10, 1, 10)
    with pytest.raises(ParameterError, match="depth is 11; it must be a whole number >= 1 and <="):
        check_count("depth", 11, 1, 10)


def test_words_are_chosen_from_a_few():
    check_choice("on_failure", "flag", ("raise", "flag"))
    with pytest.raises(ParameterError, match="on_failure is 'ignore'; use one of raise, flag"):
        check_choice("on_failure", "ignore", ("raise", "flag"))


@pytest.mark.parametrize("value", [-1, 1.0, "1", None, True])
def test_seeds_are_whole_and_not_negative(value):
    assert checked_seed(np.uint8(7)) == 7
    with pytest.raises(ParameterError, match="seed is"):
        checked_seed(value)


def test_random_numbers_have_a_source():
    check_rng(np.random.default_rng(checked_seed(0)))
    with pytest.raises(ParameterError, match="default_rng"):
        check_rng(np.random)
