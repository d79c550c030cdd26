"""Benchmarks in parts, which may be measured one by one into one record."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from _harness import Row, arguments, report, write

Part = Callable[[], list[Row]]


def part_arguments(
    description: str, parts: Iterable[str], **own: dict[str, Any]
) -> argparse.Namespace:
    """Those of every benchmark, and which parts are to be measured: all where none is named."""
    told = {"choices": [*parts], "action": "append", "help": "which, as often as wanted"}
    return arguments(description, part=told, **own)


def measure(parts: Mapping[str, Part], args: argparse.Namespace) -> None:
    """Measure, print, record; what the record holds of other parts stays if it is of this commit.

    The source of each row ends with `--part` and the part's name.
    """
    command, found = args.made["command"], {}
    for part in args.part or parts:
        found[part] = parts[part]()
        # Others may have been measured meanwhile.
        found |= {
            name: rows
            for name, rows in before(args.json, args.made["commit"], args.quick, parts).items()
            if name not in (args.part or parts)
        }
        some = [name for name in parts if name in found]
        args.made["command"] = command + "".join(
            f" --part {name}" for name in some if len(some) < len(parts)
        )
        if args.json:
            write(rows_of(found, parts), args.json, args)
    report(rows_of(found, parts), args)


def rows_of(found: Mapping[str, list[Row]], parts: Iterable[str]) -> list[Row]:
    """All there are, in their order."""
    return [row for name in parts for row in found.get(name, [])]


def before(
    path: Path | None, commit: object, quick: bool, parts: Iterable[str]
) -> dict[str, list[Row]]:
    """What a record holds already, part by part, if it was measured at the same commit."""
    record = json.loads(path.read_text()) if path and path.is_file() else {}
    if (record.get("commit"), record.get("quick")) != (commit, quick):
        return {}
    rows = [Row(**one) for one in record["rows"]]
    mine = {name: [r for r in rows if r.source.endswith(f"--part {name}")] for name in parts}
    return {name: some for name, some in mine.items() if some}
