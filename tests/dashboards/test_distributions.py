import holoviews as hv
import numpy as np

from lensfree_nb.dashboards.distributions import distributions
from lensfree_nb.dashboards.figure import METRIC_LABELS

hv.extension("bokeh", logo=False)


def test_distributions_have_units_and_leave_out_cut_cells(reconstructed):
    cells = reconstructed.lf.cells()
    layout = distributions(cells)
    assert [str(h.kdims[0]) for h in layout] == list(METRIC_LABELS.values())
    whole = int((~cells["edge"]).sum())
    assert all(np.sum(h.dimension_values("cells")) == whole for h in layout)
    assert "no cells" in distributions(cells.iloc[:0]).values()[0].label
