"""A validation with everything that can be amiss."""

import numpy as np
import pytest

import lensfree_nb as lf


@pytest.fixture(scope="module")
def validated(reconstructed):
    """A table with a cell left out, one invented, one far too heavy, and one that is cut."""
    truth = reconstructed.lf.cells()
    cells = truth.drop(index=0).reset_index(drop=True)
    whole = int(np.flatnonzero(~cells["edge"])[0])
    cells.loc[whole, "dry_mass_pg"] *= 3
    cells.loc[len(cells)] = cells.iloc[0].to_dict() | {"y_um": 5.0, "x_um": 5.0, "edge": True}
    return lf.validate(cells, truth, against="simulated truth"), cells, whole
