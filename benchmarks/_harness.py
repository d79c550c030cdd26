"""What every benchmark shares: its arguments, its table, its record."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lensfree_nb.run.devices import cores
from lensfree_nb.versions import versions

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Row:
    """One figure. `bar` is what it must meet ("<= 2.5"), None where there is none."""

    name: str
    value: float | str
    unit: str = "1"
    bar: str | None = None
    holds: bool | None = None
    source: str = ""


def row(name: str, value: float, unit: str = "1", bar: str | None = None, source: str = "") -> Row:
    """Make a figure and hold it against its bar: "<= x" or ">= x"."""
    holds = None
    if bar is not None:
        sign, limit = bar.split()
        holds = value <= float(limit) if sign == "<=" else value >= float(limit)
    # JSON has no word for what is no number.
    told = float(value) if math.isfinite(value) else str(float(value))
    return Row(name, told, unit, bar, None if holds is None else bool(holds), source)


def arguments(description: str, **own: dict[str, Any]) -> argparse.Namespace:
    """Parse the arguments that every benchmark has, and those of its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="write the rows and the machine here")
    parser.add_argument("--quick", action="store_true", help="a small version, to see that it runs")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "output")
    for name, options in own.items():
        parser.add_argument(f"--{name}", **options)
    found = parser.parse_args()
    found.out.mkdir(parents=True, exist_ok=True)
    # Sources and machine as they are when it begins: either may change while it runs.
    found.made = _made(found)
    return found


def data_folder() -> Path:
    """Where the real data are: LENSFREE_DATA, or ../shared/data beside the checkout."""
    folder = Path(os.environ.get("LENSFREE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"no real data: set LENSFREE_DATA (looked at {folder})")
    return folder


def report(rows: list[Row], args: argparse.Namespace) -> None:
    """Print the rows as a Markdown table and, where asked, write them down."""
    print("| figure | value | unit | bar | holds |\n|---|---|---|---|---|")
    for r in rows:
        name = r.name.replace("|", "\\|")
        value = f"{r.value:.4g}" if isinstance(r.value, float) else r.value
        holds = {True: "yes", False: "**no**", None: ""}[r.holds]
        print(f"| {name} | {value} | {r.unit} | {r.bar or ''} | {holds} |")
    if args.json:
        write(rows, args.json, args)


def write(rows: list[Row], path: Path, args: argparse.Namespace) -> None:
    """Write the rows down, and how they were made."""
    record = {"rows": [asdict(r) for r in rows], "quick": args.quick, **args.made}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


def _made(args: argparse.Namespace) -> dict[str, object]:
    """By which command, at which commit, on what."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    flags = ["--quick"] * args.quick + ["--tune"] * getattr(args, "tune", False)
    flags += ["--device cuda"] * args.device.startswith("cuda")
    machine = {
        "processor": _processor(), "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": cores(),
    }  # fmt: skip
    if flags[-1:] == ["--device cuda"]:
        machine["gpu"] = torch.cuda.get_device_name(args.device)
    return {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *flags]),
        "commit": commit.stdout.strip(),
        "versions": versions(),
        "machine": machine,
    }


def _processor() -> str:
    """Its model where the system tells, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
