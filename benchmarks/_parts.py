"""Benchmarks in parts, which may be measured one by one into one record."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from _harness import Row, arguments, report, write

Part = Callable[[], list[Row]]
Plot = Callable[[list[Row], Path], None]


class Found(NamedTuple):
    """What a part gave, and at which commit."""

    rows: list[Row]
    commit: str


def part_arguments(
    description: str, parts: Iterable[str], **own: dict[str, Any]
) -> argparse.Namespace:
    """Those of every benchmark, and which parts are to be measured: all where none is named."""
    told = {"choices": [*parts], "action": "append", "help": "which, as often as wanted"}
    return arguments(description, part=told, **own)


def measure(parts: Mapping[str, Part], args: argparse.Namespace, plot: Plot) -> None:
    """Measure, print, plot, record.

    What the record holds of other parts stays, with its own commit. The source of each row
    ends with `--part` and the part's name.
    """
    command, chosen = args.made["command"], args.part or [*parts]
    mine: dict[str, Found] = {}
    for part in chosen:
        mine[part] = Found(parts[part](), args.made["commit"])
        # Others may have been measured meanwhile.
        found = before(args.json, args.quick, parts) | mine
        some = [name for name in parts if name in found]
        args.made["command"] = command + "".join(
            f" --part {name}" for name in some if len(some) < len(parts)
        )
        args.made["commits"] = {name: found[name].commit for name in some}
        rows = [row for name in some for row in found[name].rows]
        if args.json:
            write(rows, args.json, args)
    report(rows, args)
    if find_spec("matplotlib") is None:
        print("not plotted: Matplotlib is not here")
    else:
        plot(rows, args.out)


def before(path: Path | None, quick: bool, parts: Iterable[str]) -> dict[str, Found]:
    """What a record holds already, part by part."""
    record = json.loads(path.read_text()) if path and path.is_file() else {}
    if record.get("quick") != quick:
        return {}
    rows = [Row(**one) for one in record["rows"]]
    held = {name: [r for r in rows if r.source.endswith(f"--part {name}")] for name in parts}
    commits = record.get("commits", {})
    return {
        name: Found(some, commits.get(name, record["commit"]))
        for name, some in held.items()
        if some
    }
