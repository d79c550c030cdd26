"""How much memory this process holds, and held at most."""

from __future__ import annotations

import resource
import threading
from pathlib import Path


class Watch(threading.Thread):
    """Looks every 20 ms at how much memory the process holds, and keeps the highest."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.highest, self.over = 0.0, threading.Event()

    def run(self) -> None:
        """What the thread does until told that it is over."""
        while not self.over.wait(0.02):
            self.highest = max(self.highest, resident_gb())


def resident_gb() -> float:
    """Memory that this process holds now (GB)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e9
