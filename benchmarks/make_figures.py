"""Put the committed results into README, between its markers. Run by `make figures`."""

from __future__ import annotations

import json

from _harness import ROOT

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def table(name: str) -> str:
    """One result file as a Markdown table."""
    record = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    lines = [
        f"`python benchmarks/{name}.py`",
        "",
        "| figure | value | unit | bar | holds |",
        "|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        value = f"{row['value']:.4g}" if isinstance(row["value"], float) else row["value"]
        holds = {True: "yes", False: "**no**", None: ""}[row["holds"]]
        name_ = row["name"].replace("|", "\\|")
        lines.append(f"| {name_} | {value} | {row['unit']} | {row['bar'] or ''} | {holds} |")
    return "\n".join(lines)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text()
    names = sorted(path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json"))
    body = "\n\n".join(
        f"<details><summary>{name.replace('_', ' ')}</summary>\n\n{table(name)}\n\n</details>"
        for name in names
    )
    start, stop = text.index(BEGIN) + len(BEGIN), text.index(END)
    readme.write_text(text[:start] + "\n" + body + "\n" + text[stop:])
