import pytest

from lensfree_nb.dashboards.disagreements import (
    APART,
    EXTRA,
    MISSED,
    SHOWN,
    SIDE_UM,
    chosen_cells,
    disagreements,
)  # fmt: skip


def test_the_cells_shown_are_those_that_disagree(validated, reconstructed):
    found, cells, heavy = validated
    shown = chosen_cells(reconstructed, found, 0)
    assert len(shown[MISSED]) == len(shown[EXTRA]) == 1
    assert 1 < len(shown[APART]) <= SHOWN
    first = shown[APART].iloc[0]
    assert first["y_um"] == pytest.approx(cells.loc[heavy, "y_um"])
    low, high = (float(n) for n in first["words"].split("\n")[1].split(" → "))
    assert high / low == pytest.approx(3, rel=0.02)


def test_each_cell_is_shown_in_its_middle(validated, reconstructed):
    found, _, _ = validated
    rows = list(chosen_cells(reconstructed, found, 0).values())
    axes = disagreements(reconstructed, found).axes
    assert len(axes) == 3 * SHOWN
    for row, cells in enumerate(rows):
        for axis, (_, cell) in zip(axes[row * SHOWN :], cells.iterrows(), strict=False):
            left, right = axis.get_xlim()
            assert (left + right) / 2 * 1.67 == pytest.approx(cell["x_um"], abs=0.1)
            assert (right - left) * 1.67 == pytest.approx(SIDE_UM)
            assert len(axis.images) == 1
        assert not any(axis.images for axis in axes[row * SHOWN + len(cells) : (row + 1) * SHOWN])
