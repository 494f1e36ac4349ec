"""Compare a run's tables with the reference's, cell by cell.

On the same type of machine, values must be equal digit by digit; on another, within stated
tolerances. A reference is a folder, results/reference/<profile>. It holds a csv and a json of each
table and of the claims, `machine.json` (on what they were made), and `tolerances.yaml`, which is
written by hand.
"""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from clrface.errors import UserError, reading
from clrface.files import write_text
from clrface.renamed import METHODS
from clrface.strict_yaml import read_yaml
from clrface.tables.formats import to_json
from clrface.tables.provenance import code_version, processor_type

Machine = Literal["same", "other"]
Row = Mapping[str, str]
MACHINE = "machine.json"
TOLERANCES = "tolerances.yaml"
KEYS = (("claim",), ("method", "dataset", "degradation"), ("method",))
"""What identifies a row: the first of these whose columns a table has."""
NAMES = ("method", "first", "second")
"""Columns of rows' names: a reference of an earlier release has old ones."""
TOLD = ("weights", "lq_sets", "bootstrap", "base_seed", "resolution", "protocol", "device")
"""Keys of a table's json in which it must equal the reference for its numbers to be equal."""


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from the expected one, in the column's own unit and as a share; the
    two add up.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def allows(self, found: float, expected: float) -> bool:
        """Return whether a number is near enough. inf equals inf, NaN equals NaN, and neither is
        near any number.
        """
        if found == expected or (math.isnan(found) and math.isnan(expected)):
            return True
        return math.isfinite(found) and abs(found - expected) <= self.of(expected)

    def of(self, expected: float) -> float:
        return self.absolute + self.relative * abs(expected) if math.isfinite(expected) else 0.0


@dataclass(frozen=True)
class Tolerances:
    """The content of `tolerances.yaml`."""

    other: Mapping[str, Tolerance]
    """By column, with `default` for the others."""
    verdict_only: tuple[str, ...] = ()
    """A claim's columns that are compared only on the same type of machine."""
    never: tuple[str, ...] = ()
    """Columns, and metrics of claims, that belong to the machine."""

    def of(self, column: str) -> Tolerance:
        return self.other.get(_metric(column), self.other.get("default", Tolerance()))


@dataclass(frozen=True)
class Difference:
    """A cell, a row, a column or a table that differs from the reference.

    Empty where there is none.
    """

    table: str
    row: str = ""
    column: str = ""
    found: str = ""
    expected: str = ""
    tolerance: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.table, self.row, self.column) if part)
        told = f" (tolerance {self.tolerance})" if self.tolerance else ""
        return f"{place}: found {self.found or 'nothing'}, expected {self.expected or 'nothing'}{told}"


class Compared(NamedTuple):
    """The result for one table."""

    differences: list[Difference]
    extras: list[str]
    """Rows and columns that the reference lacks: reported, but no difference."""
    compared: int
    """The number of values."""


@dataclass(frozen=True)
class Report:
    """The result for all tables, of which there are `tables`; `compared` counts values."""

    machine: Machine
    commit: str | None
    """The code that made the reference."""
    notes: Sequence[str]
    """What differs from the conditions under which the reference was made."""
    differences: Sequence[Difference]
    extras: Sequence[str]
    compared: int
    tables: int


def reproduce(results: Path, reference: Path) -> Report:
    """Compare every csv of `reference` with the one of its name in `results`.

    Raises: UserError for a folder that is no reference, or a csv that can't be paired row by row.
    """
    machine, names = _machine_of(reference), sorted(path.stem for path in reference.glob("*.csv"))
    if not names:
        raise UserError(f"No csv in {reference}, expected the reference's tables. Make them: make reference.")
    tolerances = read_tolerances(reference / TOLERANCES)
    strange = _strange(results, reference, names, machine)
    kind: Machine = "other" if strange else "same"
    found = [_compare_files(name, results, reference, kind, tolerances) for name in names]
    return Report(
        machine=kind,
        commit=machine["code"]["commit"],
        notes=[*strange, *_otherwise(results, reference, names)],
        differences=[difference for one in found for difference in one.differences],
        extras=[extra for one in found for extra in one.extras],
        compared=sum(one.compared for one in found),
        tables=len(names),
    )


def _compare_files(name: str, results: Path, reference: Path, machine: Machine, tolerances: Tolerances) -> "Compared":
    path = results / f"{name}.csv"
    if not path.is_file():
        return Compared([Difference(name, found="no such table", expected=str(path))], [], 0)
    return compare(name, _read(path), _read(reference / f"{name}.csv"), machine, tolerances)


def compare(name: str, found: Sequence[Row], expected: Sequence[Row], machine: Machine, tolerances: Tolerances) -> Compared:
    """Compare one table's rows, as text, paired by what identifies them, in any order.

    Raises: UserError for rows that nothing identifies, or two rows of one name.
    """
    columns = list(expected[0]) if expected else []
    there = list(found[0]) if found else columns
    keys = next((key for key in KEYS if set(key) <= set(columns)), None)
    if keys is None or not set(keys) <= set(there):
        raise UserError(f"{name}.csv has the columns {', '.join(there)}; expected one of {KEYS} to name its rows. Make the table again.")
    mine, theirs = _by_key(name, found, keys), _by_key(name, expected, keys)
    differences = [Difference(name, column=column, found="no such column", expected="it") for column in columns if column not in there]
    differences += [Difference(name, row, found="no such row", expected="it") for row in theirs if row not in mine]
    extras = [f"{name}: column {column}" for column in there if column not in columns] + [
        f"{name}: row {row}" for row in mine if row not in theirs
    ]
    compared = 0
    for row in (row for row in theirs if row in mine):
        for column in _compared_columns(theirs[row], there, keys, machine, tolerances):
            compared += 1
            cells = mine[row][column], theirs[row][column]
            tolerance = Tolerance() if machine == "same" else tolerances.of(column)
            if not _agree(*cells, machine, tolerance):
                differences.append(Difference(name, row, column, *cells, _told(tolerance, cells[1])))
    return Compared(differences, extras, compared)


def print_report(report: Report) -> None:
    """Print differences of the machine, then every difference of a value, then the counts."""
    said = {
        "same": "Its processor and versions are this run's: every digit must be the same.",
        "other": "This run's processor or versions are others: compared within the tolerances for another machine.",
    }
    print(f"The reference is of commit {report.commit or 'unknown'}. {said[report.machine]}")
    for note in report.notes:
        print(f"  {note}")
    for difference in report.differences:
        print(f"  {difference}")
    for extra in report.extras:
        print(f"  not in the reference, passed over: {extra}")
    count = len(report.differences)
    print(f"Compared {report.compared:,} values of {report.tables} tables: {count or 'no'} difference{'' if count == 1 else 's'}.")


def read_tolerances(path: Path) -> Tolerances:
    """Read `tolerances.yaml`. Raises: UserError for a file that is missing or has other content."""
    try:
        content = read_yaml(path)
        other = {column: Tolerance(**entry) for column, entry in content["other"].items()}
        return Tolerances(other, tuple(content.get("verdict_only", ())), tuple(content.get("never", ())))
    except FileNotFoundError:
        raise UserError(f"No {path}; expected the reference's tolerances there. Take results/reference/embedded's as a start.") from None
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{path} is not a file of tolerances ({error}); expected `other: {{column: {{absolute, relative}}}}`, `verdict_only` and "
            "`never`, as in results/reference/embedded."
        ) from error


def write_reference(results: Path, out: Path, names: Sequence[str]) -> None:
    """Copy the csv and json of each table, and record the machine; tolerances stay as they are.

    Raises: UserError for a missing table, and for tables that were made with different versions.
    """
    contents = {name: _content(results, name) for name in names}
    missing = [name for name in names if contents[name] is None or not (results / f"{name}.csv").is_file()]
    if missing:
        raise UserError(f"{results} has no {', '.join(missing)} (csv and json); expected all that `make reproduce` compares: run it first.")
    versions = [_versions(content) for content in contents.values() if content]
    if any(one != versions[0] for one in versions):
        raise UserError("The tables were made with different versions; expected one environment. Delete them and make them again.")
    for name in names:
        for suffix in (".csv", ".json"):
            write_text(out / f"{name}{suffix}", (results / f"{name}{suffix}").read_text(encoding="utf-8"))
    write_text(out / MACHINE, to_json({"processor": processor_type(), "versions": versions[0] if versions else {}, "code": code_version()}))


# ---- the machine


def _machine_of(reference: Path) -> Mapping[str, Any]:
    path = reference / MACHINE
    if not path.is_file():
        raise UserError(f"No {path}; expected a reference there, made by `make reference`. Name its folder, or make it.")
    return _json(path)


def _json(path: Path) -> dict[str, Any]:
    with reading(f"{path} as JSON", "It is damaged: make it again, or restore it from git."):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"a {type(content).__name__}, not entries by name")
        return content


def _strange(results: Path, reference: Path, names: Sequence[str], machine: Mapping[str, Any]) -> list[str]:
    """Return what makes this another type of machine than the reference's; nothing for the same."""
    notes = {_other("processor", processor_type(), machine["processor"])}
    for name in names:
        mine, theirs = _content(results, name) or {}, _content(reference, name) or {}
        if mine:
            notes |= _other_versions(_versions(mine), machine["versions"])
            notes.add(_other("device", mine.get("device"), theirs.get("device")))
    return sorted(notes - {""})


def _other_versions(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> set[str]:
    return {_other(package, mine.get(package), theirs.get(package)) for package in {*mine, *theirs}}


def _otherwise(results: Path, reference: Path, names: Sequence[str]) -> list[str]:
    """Return inputs and settings of tables that differ from the reference's: their numbers will
    differ on any machine.
    """
    notes = []
    for name in names:
        mine, theirs = _content(results, name), _content(reference, name)
        if mine and theirs:
            notes += [f"{name}: its {key} is not the reference's" for key in TOLD if key != "device" and mine.get(key) != theirs.get(key)]
    return notes


def _other(what: str, found: object, expected: object) -> str:
    return "" if found == expected else f"{what}: found {found or 'none'}, the reference's is {expected or 'none'}"


def _versions(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the versions of Python and packages in a table's json."""
    environment = content.get("environment", {})
    return {"python": environment.get("python"), **environment.get("packages", {})}


def _content(folder: Path, name: str) -> Mapping[str, Any] | None:
    path = folder / f"{name}.json"
    return _json(path) if path.is_file() else None


# ---- cells


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [{key: METHODS.names.get(value, value) if key in NAMES else value for key, value in row.items()} for row in rows]


def _by_key(name: str, rows: Sequence[Row], keys: Sequence[str]) -> dict[str, Row]:
    by_key = {", ".join(row[key] for key in keys): row for row in rows}
    if len(by_key) < len(rows):
        raise UserError(f"{name}.csv has {len(rows)} rows with {len(by_key)} names; expected each once. Make the table again.")
    return by_key


def _compared_columns(row: Row, there: Sequence[str], keys: Sequence[str], machine: Machine, tolerances: Tolerances) -> Iterator[str]:
    if row.get("metric") in tolerances.never:  # a claim about seconds or memory
        return
    for column in row:
        of_machine = _metric(column) in tolerances.never
        follows = machine == "other" and "claim" in keys and _metric(column) in tolerances.verdict_only
        if column in there and column not in keys and not (of_machine or follows):
            yield column


def _metric(column: str) -> str:
    return column.removesuffix("_lo").removesuffix("_hi")


def _agree(found: str, expected: str, machine: Machine, tolerance: Tolerance) -> bool:
    if found == expected or machine == "same":
        return found == expected
    try:
        return tolerance.allows(float(found), float(expected))
    except ValueError:  # text, or a cell without a value
        return False


def _told(tolerance: Tolerance, expected: str) -> str:
    try:
        return f"{tolerance.of(float(expected)):.3g}"
    except ValueError:
        return ""
