import dataclasses

import numpy as np
import pandas as pd
import pytest

from lensfree_nb.dashboards.agreement_figure import agreement_figure
from lensfree_nb.evaluate.validation import validation
from tests import seeds


@pytest.fixture
def found():
    """Masses 20 pg too high, give or take 5; areas exact; one cell cut by the border."""
    rng = np.random.default_rng(seeds.CELLS)
    grid = np.stack(np.meshgrid(*[np.arange(20, 620, 40.0)] * 2), -1).reshape(-1, 2)
    truth = pd.DataFrame(
        {"y_um": grid[:, 0], "x_um": grid[:, 1], "area_um2": rng.uniform(300, 900, len(grid)),
         "dry_mass_pg": rng.uniform(80, 300, len(grid)), "edge": False}
    )  # fmt: skip
    mass = truth["dry_mass_pg"] + rng.normal(20, 5, len(truth))
    cells = truth.assign(dry_mass_pg=mass)
    cells.loc[0, ["edge", "dry_mass_pg"]] = [True, 9999.0]
    return validation(cells, truth)


def test_a_column_a_metric_and_the_limits_of_agreement(found):
    drawing = agreement_figure(found)
    assert len(drawing.axes) == 4
    below = next(a for a in drawing.axes if "mean of both, dry mass" in a.get_xlabel())
    mean, low, high = (float(line.get_ydata()[0]) for line in below.lines)
    score = found.overall.loc["dry_mass_pg"]
    assert (low, high) == pytest.approx((score["limits_low"], score["limits_high"]))
    assert (low, mean, high) == pytest.approx((20 - 1.96 * 5, 20, 20 + 1.96 * 5), abs=1.5)
    dots = below.collections[0].get_offsets()
    assert len(dots) == len(found.pairs) - 1
    assert dots[:, 1].max() < 50


def test_nothing_paired_is_no_error(found):
    empty = found.overall.iloc[:0], found.by_density, found.pairs.iloc[:0]
    overall, by_density, pairs = empty
    blank = dataclasses.replace(found, overall=overall, by_density=by_density, pairs=pairs)
    assert len(agreement_figure(blank).axes) == 4
