"""The paper's claims as comparisons of two rows: read and check `clrface/catalogue/claims.yaml`.

Nothing heavy is imported here: the workflow reads the claims while it builds its graph.
clrface.tables.verdicts tests them.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clrface.catalogue import SCHEMAS
from clrface.config.load import load_config
from clrface.config.messages import Mistake, tell_mistakes, wrong_name
from clrface.config.schema import find_mistakes

SCHEMA = SCHEMAS / "claims.schema.json"
COST_TABLE = "table6"
COSTS = ("parameters", "macs", "evaluations", "seconds", "peak_bytes")
"""The columns of the table of costs that a claim may be about."""


@dataclass(frozen=True)
class Margin:
    """How far beyond the second row the first must be, in the claimed direction.

    Negative: how much worse it may be.
    """

    kind: Literal["relative", "absolute"] = "absolute"
    """relative: `least` is a share of the second row's size; absolute: it is in the metric's unit.
    """
    least: float = 0.0

    def __str__(self) -> str:
        """`, by 5 % at least`, `, or worse by 0.1 at most`; empty for none."""
        size = f"{100 * abs(self.least):g} %" if self.kind == "relative" else f"{abs(self.least):g}"
        return f", by {size} at least" if self.least > 0 else f", or worse by {size} at most" if self.least < 0 else ""


@dataclass(frozen=True)
class Claim:
    """The first row's `metric` is `direction` (lower, higher) than the second's, by at least the
    margin.
    """

    name: str
    says: str
    first: str
    second: str
    metric: str
    direction: Literal["lower", "higher"]
    table: str
    dataset: str = ""
    """Empty, as is the degradation, for a claim about the table of costs."""
    degradation: str = ""
    margin: Margin = Margin()
    needs: str = ""
    """What a missing row needs where the config alone can't make it."""

    @property
    def is_cost(self) -> bool:
        return self.table == COST_TABLE


@dataclass(frozen=True)
class Claims:
    """All claims of a file, and how they are tested together."""

    alpha: float
    resamples: int
    claims: tuple[Claim, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the tables that the claims name, each once, in their order."""
        return tuple(dict.fromkeys(claim.table for claim in self.claims))


def load_claims(path: Path, metrics: Collection[str], made: Collection[str]) -> Claims:
    """Read and check the claims.

    A claim on a table that is not made is not testable, so its metric isn't checked.

    Args:
        metrics: every known metric.
        made: the tables that the config makes.

    Raises: UserError with a line for each mistake: the key's path, what was found, what is allowed,
    the nearest name.
    """
    content = load_config([path])
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    mistakes = find_mistakes(content, schema) or list(_wrong_names(content, metrics, made))
    tell_mistakes(str(path), content, mistakes)
    claims = (claim for name, entry in content["claims"].items() for claim in _on_each_set(name, entry, content["sets"]))
    return Claims(content["alpha"], content["resamples"], tuple(claims))


def _on_each_set(name: str, entry: Mapping[str, Any], places: Mapping[str, Mapping[str, str]]) -> Iterator[Claim]:
    """One claim, or one for each of several sets, named after it."""
    if isinstance(entry["set"], str):
        yield _claim(name, entry, places[entry["set"]])
    else:
        yield from (_claim(f"{name}_{one}", entry, places[one]) for one in entry["set"])


def _claim(name: str, entry: Mapping[str, Any], place: Mapping[str, str]) -> Claim:
    told: dict[str, Any] = {key: value for key, value in entry.items() if key not in ("set", "margin")} | dict(place)
    [(kind, least)] = entry.get("margin", {"absolute": 0.0}).items()
    return Claim(name=name, margin=Margin(kind, float(least)), **told)


def _wrong_names(content: Mapping[str, Any], metrics: Collection[str], made: Collection[str]) -> Iterator[Mistake]:
    for name, entry in content["claims"].items():
        where, asked = ("claims", name), entry["set"]
        for one in [asked] if isinstance(asked, str) else asked:
            place = content["sets"].get(one)
            if place is None:
                yield wrong_name((*where, "set"), one, "one of `sets`", list(content["sets"]))
                continue
            known = sorted(COSTS if place["table"] == COST_TABLE else metrics if place["table"] in made else [entry["metric"]])
            if entry["metric"] not in known:
                yield wrong_name((*where, "metric"), entry["metric"], "a metric", known)
                break
        if entry["first"] == entry["second"]:
            yield (*where, "second"), f"found '{entry['second']}', which is `first` too, expected another row."
