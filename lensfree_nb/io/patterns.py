"""What file names say: order, time and colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from lensfree_nb.errors import OpeningError, ParameterError

_TIME: Final = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)"
    r"[T _-]+(?P<hour>\d\d)[-_:.h]?(?P<minute>\d\d)(?:[-_:.m]?(?P<second>\d\d))?"
    r"(?:[.,](?P<fraction>\d{1,9}))?s?(?!\d)"
)
_TWELVE_HOURS: Final = re.compile(r"[_. -]?[AaPp][Mm](?![A-Za-z])")
_COLOUR: Final = re.compile(
    r"(?<![A-Za-z0-9])(red|green|blue|[rgb]|\d{3,4} ?nm|(?:ch|c|channel|w)-?\d{1,4})"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PLANE: Final = re.compile(
    r"(?<![A-Za-z0-9])((?:z|plane)-?\d+(?:\.\d+)?(?:um|mm)?)(?![A-Za-z0-9])", re.I
)
_DIRECTIVES: Final = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{2}", "d": r"\d{2}", "H": r"\d{2}", "M": r"\d{2}",
    "S": r"\d{2}", "f": r"\d{1,6}", "j": r"\d{3}", "b": r"[A-Za-z]{3}", "p": r"[AaPp][Mm]",
    "I": r"\d{2}", "%": "%",
}  # fmt: skip
# Longest wavelength first, the order in which exposures are listed.
_NAMED_COLOURS: Final = {"red": 0, "r": 0, "green": 1, "g": 1, "blue": 2, "b": 2}


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts 2 before 10.

    >>> sorted(["f10.tif", "f2.tif"], key=natural_key)
    ['f2.tif', 'f10.tif']
    """
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def time_of_name(name: str, pattern: str | None = None) -> np.datetime64 | None:
    """Time that a file name states, or None.

    Parameters
    ----------
    name : str
        File name.
    pattern : str, optional
        How time is written: strptime directives (``"%d%m%Y-%H%M"``, found anywhere in the name), or
        a regular expression with named groups (year, month, day, hour, minute, second). Without
        one, ISO-like forms are recognised.

    Raises
    ------
    ParameterError
        If the pattern is neither.

    Examples
    --------
    >>> time_of_name("well3_20240501_123000_red.tif")
    np.datetime64('2024-05-01T12:30:00.000000000')
    >>> time_of_name("01052024-1230.tif", "%d%m%Y-%H%M")
    np.datetime64('2024-05-01T12:30:00.000000000')
    >>> time_of_name("frame_0001.tif") is None
    True
    """
    try:
        if pattern is None:
            found = _TIME.search(name)
            if found and _TWELVE_HOURS.match(name, found.end()):
                return None  # 01:30 PM is not 01:30; a pattern tells
            return _from_groups(found)
        if "%" in pattern:
            return _from_strptime(name, pattern)
        compiled = re.compile(pattern)
        if not {"year", "month", "day"} <= set(compiled.groupindex):
            raise ParameterError(
                f"time_pattern {pattern!r} has no named groups year, month, day; give those "
                "(and hour, minute, second), or strptime directives such as '%Y%m%d_%H%M%S'"
            )
        return _from_groups(compiled.search(name))
    except re.error as error:
        raise ParameterError(
            f"time_pattern {pattern!r} is not a regular expression ({error}); strptime "
            "directives such as '%Y%m%d_%H%M%S' are understood too"
        ) from error


def _from_groups(match: re.Match[str] | None) -> np.datetime64 | None:
    if match is None:
        return None
    groups = match.groupdict()
    numbers = [
        int(groups.get(name) or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    ]
    try:
        moment = _nanoseconds(datetime(*numbers))  # type: ignore[arg-type]
    except ValueError:  # eight digits that are no date
        return None
    fraction = (groups.get("fraction") or "").ljust(9, "0")
    exact: np.datetime64 = moment + np.timedelta64(int(fraction), "ns")
    return exact


def _nanoseconds(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.isoformat(), "ns")


def _from_strptime(name: str, pattern: str) -> np.datetime64 | None:
    expression = ""
    for literal, directive in re.findall(r"([^%]*)(?:%(.)|$)", pattern):
        expression += re.escape(literal)
        if directive and directive not in _DIRECTIVES:
            raise ParameterError(
                f"time_pattern has the directive %{directive}; known are "
                f"{', '.join('%' + d for d in _DIRECTIVES)}"
            )
        expression += _DIRECTIVES.get(directive, "")
    match = re.search(expression, name)
    if match is None:
        return None
    try:
        return _nanoseconds(datetime.strptime(match.group(), pattern))
    except ValueError:
        return None


@dataclass(frozen=True)
class FileGroups:
    """Files as frames by exposures.

    Attributes
    ----------
    frames : list of list of (Path or None)
        One row a frame, one column an exposure; None where the file is missing.
    labels : list of str
        What names the exposure in the file names; ``[""]`` where nothing does.
    """

    frames: list[list[Path | None]]
    labels: list[str]

    def wavelength_nm(self) -> tuple[float, ...] | None:
        """Wavelengths (nm), where the labels state them."""
        found = [re.fullmatch(r"(\d{3,4}) ?nm", label) for label in self.labels]
        return tuple(float(m[1]) for m in found if m) if all(found) else None


def group_files(
    files: Sequence[Path], *, exposures: int | None = None, dim: str = "wavelength"
) -> FileGroups:
    """Files put together by what differs in their names: one a colour (or height), or one a frame.

    Parameters
    ----------
    files : sequence of Path
        In any order.
    exposures : int, optional
        How many are expected; then any part of the name that takes that many values will do, where
        no colour is recognised.
    dim : {"wavelength", "plane"}
        What to look for: ``red``, ``g``, ``640nm``, ``ch0``… or ``z3``, ``plane2``….

    Raises
    ------
    OpeningError
        If two files are the same exposure of the same frame.

    Examples
    --------
    >>> names = ["f2_red.tif", "f1_blue.tif", "f1_red.tif"]
    >>> groups = group_files([Path(name) for name in names])
    >>> groups.labels, [[p and p.name for p in row] for row in groups.frames]
    (['red', 'blue'], [['f1_red.tif', 'f1_blue.tif'], ['f2_red.tif', None]])
    """
    ordered = sorted(files, key=lambda path: natural_key(str(path)))
    split = _split_by_token(ordered, _COLOUR if dim == "wavelength" else _PLANE)
    if split is None and exposures is not None and exposures > 1:
        split = _split_by_field(ordered, exposures)
    if split is None:
        return FileGroups([[path] for path in ordered], [""])
    keys = [key for key, _ in split]
    without_time = [_TIME.sub("", key) for key in keys]
    labels = [label for _, label in split]
    # Colours taken a few seconds apart carry different times: ignore them where an index is left.
    if (
        len(set(zip(without_time, labels, strict=True))) == len(split)
        and len(set(without_time)) > 1
    ):
        keys = without_time
    columns = sorted(set(labels), key=_label_key)
    frames: dict[str, list[Path | None]] = {}
    for path, key, label in zip(ordered, keys, labels, strict=True):
        row = frames.setdefault(key, [None] * len(columns))
        other = row[columns.index(label)]
        if other is not None:
            raise OpeningError(
                f"{other.name} and {path.name} are both {label!r} of the same frame; "
                "open them apart, or rename one"
            )
        row[columns.index(label)] = path
    return FileGroups([frames[key] for key in sorted(frames, key=natural_key)], columns)


def _label_key(label: str) -> tuple[int, float, list[tuple[int, int, str]]]:
    if label in _NAMED_COLOURS:
        return 0, _NAMED_COLOURS[label], []
    nanometres = re.fullmatch(r"(\d{3,4}) ?nm", label)
    if nanometres:
        return 0, -float(nanometres[1]), []
    return 1, 0, natural_key(label)


def _split_by_token(files: Sequence[Path], token: re.Pattern[str]) -> list[tuple[str, str]] | None:
    """Each name as (rest, label) at the last recognised token, if there is one in every name."""
    split = []
    for path in files:
        matches = list(token.finditer(path.stem.replace("_", "/")))
        if not matches:
            return None
        start, end = matches[-1].span()
        rest = f"{path.parent}/{path.stem[:start]}*{path.stem[end:]}{path.suffix}"
        split.append((rest, path.stem[start:end].lower()))
    return split if len({label for _, label in split}) > 1 else None


def _split_by_field(files: Sequence[Path], exposures: int) -> list[tuple[str, str]] | None:
    """The same at the last field of the name that takes `exposures` values, words first."""
    fields = [re.split(r"[_\-. ]+", path.stem) for path in files]
    if len({len(field) for field in fields}) != 1:
        return None
    candidates = []
    for position in range(len(fields[0])):
        values = {field[position] for field in fields}
        rests = {tuple(f[:position] + f[position + 1 :]) for f in fields}
        if len(values) == exposures and len(rests) * exposures >= len(files) > len(rests):
            words = not all(value.isdecimal() for value in values)
            candidates.append((words, position))
    if not candidates:
        return None
    _, position = max(candidates)
    return [
        (
            f"{path.parent}/" + "_".join([*f[:position], "*", *f[position + 1 :]]),
            f[position].lower(),
        )
        for path, f in zip(files, fields, strict=True)
    ]
