"""One progress bar for threads and for a cluster alike.

dask's own schedulers report each task to a callback. A cluster's scheduler may be a process far
away: it counts the tasks of this client, and a thread here asks it for the count.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

POLL_S = 0.25

Bars = Callable[..., Any]


@contextmanager
def progress(label: str, *, show: bool | None = None) -> Iterator[None]:
    """Show a bar for whatever dask computes inside the context.

    Parameters
    ----------
    label : str
        What stands before the bar.
    show : bool, optional
        By default a bar is shown in a notebook and in a terminal, and not where the output goes
        to a file or a pipe.

    Notes
    -----
    Tasks are counted after dask has fused them: often one a frame. A cluster's scheduler must be
    able to import this package, as its workers must. Make the client before entering the context:
    the work of one made inside is done without a bar, since its first tasks would be gone by the
    time that it is met, and what counts them must be closed before it is.

    Examples
    --------
    >>> import dask.array as da
    >>> with progress("sum", show=False):
    ...     int(da.ones(4, chunks=2).sum().compute())
    4
    """
    if not (_is_watched() if show is None else show):
        yield
        return
    from tqdm.auto import tqdm
    from tqdm.dask import TqdmCallback

    client = _active_client()
    with TqdmCallback(tqdm_class=tqdm, desc=label, unit="task"):
        if client is None:
            yield
        else:
            with _watching(client, label, tqdm):
                yield


def _is_watched() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None or sys.stderr.isatty()


def _active_client() -> Any:
    # Where nobody has imported distributed there is no client, and no reason to import it.
    if "distributed" not in sys.modules:
        return None
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


@contextmanager
def _watching(client: Any, label: str, bars: Bars) -> Iterator[None]:
    from lensfree_nb.run.task_count import TaskCount, counted

    plugin = TaskCount(client.id)
    client.register_plugin(plugin)
    over = threading.Event()
    bar: Any = None

    def look() -> None:
        nonlocal bar
        done, total = client.run_on_scheduler(counted, name=plugin.name)
        if total and bar is None:
            bar = bars(desc=label, unit="task", total=total)
        if bar is not None:
            bar.total, bar.n = total, done
            bar.refresh()

    def follow() -> None:
        with suppress(Exception):  # a bar never ends the work that it only shows
            while not over.wait(POLL_S):
                look()

    thread = threading.Thread(target=follow, name=f"progress of {label}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        # Of a cluster that was lost, the error that matters is the one of the work itself.
        with suppress(Exception):
            look()
        with suppress(Exception):
            client.unregister_scheduler_plugin(plugin.name)
        if bar is not None:
            bar.close()
