import io
import sys

import dask
import dask.array as da
import pytest
import tqdm.auto
from dask import delayed

from lensfree_nb.run.progress import progress


@pytest.fixture
def bars(monkeypatch):
    """Every bar that is closed, as (label, done, total)."""
    closed = []

    class Recorded(tqdm.std.tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{"file": io.StringIO(), **options})

        def close(self):
            if not self.disable:
                closed.append((self.desc, self.n, self.total))
            super().close()

    monkeypatch.setattr(tqdm.auto, "tqdm", Recorded)
    return closed


def tasks(count):
    return [delayed(pow, pure=True)(i, 2) for i in range(count)]


def test_threads(bars):
    with progress("squares", show=True), dask.config.set(scheduler="threads"):
        assert dask.compute(*tasks(7)) == tuple(i * i for i in range(7))
    assert bars == [("squares", 7, 7)]


def test_nothing_computed_is_no_bar(bars):
    with progress("idle", show=True):
        da.ones(4).sum()
    assert bars == []


@pytest.mark.parametrize(("terminal", "expected"), [(True, 1), (False, 0)])
def test_silent_unless_somebody_watches(bars, monkeypatch, terminal, expected):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with progress("squares"):
        dask.compute(*tasks(3), scheduler="sync")
    assert len(bars) == expected


def test_an_error_passes_and_closes_the_bar(bars):
    with pytest.raises(ZeroDivisionError), progress("bad", show=True):
        dask.compute(*tasks(2), delayed(divmod)(1, 0), scheduler="sync")
    assert len(bars) == 1


@pytest.fixture
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found


def test_a_cluster_counts_the_same_tasks(bars, client):
    before = set(client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.plugins)))
    with progress("squares", show=True):
        assert dask.compute(*tasks(7)) == tuple(i * i for i in range(7))
    assert bars == [("squares", 7, 7)]
    after = set(client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.plugins)))
    assert after == before


def test_a_client_made_inside_works_without_a_bar(bars):
    distributed = pytest.importorskip("distributed")
    with (
        progress("squares", show=True),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        assert dask.compute(*tasks(7)) == tuple(i * i for i in range(7))
    assert bars == []


def test_a_cluster_shows_progress_while_it_works(bars, client, monkeypatch):
    from distributed import Event

    monkeypatch.setattr("lensfree_nb.run.progress.POLL_S", 0.01)
    seen, halfway = [], Event("halfway")

    def refresh(bar, *args, **options):
        seen.append(bar.n)
        if 0 < bar.n < bar.total:
            halfway.set()

    monkeypatch.setattr(tqdm.auto.tqdm, "refresh", refresh)

    def wait(index):
        # All but the first end only once the bar was seen between its ends.
        return Event("halfway").wait(20) if index else True

    with progress("waiting", show=True):
        assert all(client.gather(client.map(wait, range(4), pure=False)))
    assert bars == [("waiting", 4, 4)]
    assert sorted(seen) == seen


def test_a_lost_scheduler_is_not_the_bars_error(bars, client, monkeypatch):
    def lost(*args, **options):
        raise OSError("the scheduler is gone")

    with progress("squares", show=True):
        monkeypatch.setattr(client, "run_on_scheduler", lost)
        assert dask.compute(*tasks(2)) == (0, 1)
