"""How many tasks of one client a cluster's scheduler has, and how many are done.

Apart from ``run.progress`` because it is imported where dask.distributed runs, and only there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from distributed import SchedulerPlugin


class TaskCount(SchedulerPlugin):  # type: ignore[misc]
    """Counts on the scheduler; tasks are kept by name, so one that is run twice counts once.

    Parameters
    ----------
    client : str
        Whose tasks are counted (``Client.id``); others may share the cluster.
    """

    def __init__(self, client: str) -> None:
        self.client = client
        self.name = f"lensfree-progress-{uuid.uuid4().hex}"
        self.known: set[Any] = set()
        self.done: set[Any] = set()

    def update_graph(
        self, scheduler: Any, *, client: str, tasks: Iterable[Any], **others: Any
    ) -> None:
        """Learn the tasks of a new graph."""
        if client == self.client:
            self.known.update(tasks)

    def transition(self, key: Any, start: str, finish: str, *args: Any, **others: Any) -> None:
        """Note that a task has ended, well or badly."""
        if finish in ("memory", "erred") and key in self.known:
            self.done.add(key)


def counted(name: str, dask_scheduler: Any) -> tuple[int, int]:
    """Tasks done and tasks known to the counter of that name; run on the scheduler."""
    plugin = dask_scheduler.plugins[name]
    return len(plugin.done), len(plugin.known)
