"""Test each claim of clrface/catalogue/claims.yaml on the tables that exist: `claims.csv`, `.json`, `.md`, `.tex`.

docs/explanation/claims.md describes the test.

Notation: A and B the rows' values; s = +1 where the claim says higher, -1 where it says lower. The gain s (A - B) must lie beyond the
margin m (r |B| for a relative one, resampled with B). An ending * marks the bootstrap's replicates: clrface.tables.compare's, paired.

    beyond  = gain - m              supported: its 95 % interval lies above 0, and Holm's p is below alpha
    against = gain - min(m, 0)      contradicted: its 95 % interval lies below 0, and Holm's p is below alpha
    p       = min(1, 2 p(beyond), 2 p(-against)), where p(t) tests t <= 0: t over its bootstrap standard error, against Student's t

The bootstrap's variance is too small by (n - 1) / n (Efron and Tibshirani 1993, chapter 5), which is put right. p is doubled, for a claim
is tested on both sides. Holm (1979) corrects over all claims of the file that have a p.
"""

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.stats import t as student

from clrface.api import MetricCard
from clrface.claims import Claim, Claims
from clrface.files import sha256_file, write_text
from clrface.registry import method_cards
from clrface.renamed import METHODS
from clrface.stats.bootstrap import UNMEASURED, Estimate, percentile_interval
from clrface.tables.compare import Draws, Resampled, pair, people_of, relative_change
from clrface.tables.formats import DASH, markdown_escape, tex_escape, tex_table, to_json
from clrface.tables.provenance import code_version, environment
from clrface.tables.table import Row, Table, read_content, table_from_json

Verdict = Literal["supported", "not supported", "contradicted", "not testable here"]
VERDICTS: tuple[Verdict, ...] = ("supported", "not supported", "contradicted", "not testable here")
EffectKind = Literal["d_z", "relative", ""]
LEAST = 6
"""Independent units (people, or a set metric's images) that a test needs: five agree by mere luck with a chance of 2 / 2^5 > 0.05."""


HEADER = ("Claim", "Comparison", "n", "Difference", "Relative", "p (Holm)", "d_z", "Verdict")


class NotTestable(Exception):
    """Why a claim can't be tested on what is there."""


class Evidence(NamedTuple):
    """Two rows' values of one metric with their paired replicates; for a cost, all pairs of the rounds' extremes in their place."""

    first: Resampled
    second: Resampled
    n: int = 0
    """Images that both rows have; 0 for a cost."""
    people: int = 0
    """How many people those show; 0 for a set metric of images, and a cost."""
    images: np.ndarray = np.empty((2, 0))
    """(2, n): the images' values; (2, 0) for a set metric or a cost."""
    decimals: int | None = None
    """How many the metric is printed with; None for a cost."""


class Gain(NamedTuple):
    """How far the first row is ahead in the claimed direction: past the margin, and past what would contradict the claim."""

    beyond: Estimate
    against: Estimate
    p: float | None
    """Two-sided, uncorrected; None for a cost, whose rounds on one machine are no sample."""


@dataclass(frozen=True)
class Finding:
    """A claim's verdict, and the numbers behind it: NaN, None or 0 for what was not measured."""

    claim: Claim
    verdict: Verdict
    why: str
    evidence: Evidence | None = None
    p: float | None = None
    p_holm: float | None = None

    @property
    def difference(self) -> Estimate:
        """first - second with its interval: the bootstrap's, 95 %; for a cost, from the rounds' extremes."""
        return _difference(self.evidence.first, self.evidence.second) if self.evidence else UNMEASURED

    @property
    def relative(self) -> Estimate:
        """The difference as a share of second's size."""
        return relative_change(self.evidence.first, self.evidence.second) if self.evidence else UNMEASURED

    @property
    def effect(self) -> tuple[float, EffectKind]:
        """Cohen's d_z, the images' mean difference over its standard deviation; for a set metric or a cost, the relative change."""
        if self.evidence is None:
            return math.nan, ""
        if not self.evidence.images.size:
            return self.relative.value, "relative"
        differences = self.evidence.images[0] - self.evidence.images[1]
        spread = float(differences.std(ddof=1))
        return (float(differences.mean()) / spread if spread else math.nan), "d_z"


def judge(claims: Claims, tables: Mapping[str, Path], scores: Path, manifests: Path | None = None) -> list[Finding]:
    """The verdict on every claim, in the file's order.

    tables: name to json of the tables that are there. scores: the folder of all score files. manifests: the folder that names the people.

    Raises: UserError for a json that is missing, or scores that don't belong to it.
    """
    contents = {name: read_content(path) for name, path in tables.items()}
    weighed: list[tuple[Evidence, Gain] | NotTestable] = []
    for claim in claims.claims:
        try:
            evidence = _evidence(claim, claims.resamples, contents, scores, manifests)
            weighed.append((evidence, gain(claim, evidence)))
        except NotTestable as reason:
            weighed.append(reason)
    p = {place: one[1].p for place, one in enumerate(weighed) if isinstance(one, tuple) and one[1].p is not None}
    corrected = dict(zip(p, holm(list(p.values())), strict=True))
    findings = []
    for place, (claim, one) in enumerate(zip(claims.claims, weighed, strict=True)):
        if isinstance(one, NotTestable):
            findings.append(Finding(claim, "not testable here", str(one)))
        else:
            p_holm = corrected.get(place)
            findings.append(Finding(claim, *_verdict(one[1], p_holm, claims.alpha), one[0], one[1].p, p_holm))
    return findings


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction of p-values, in their order.

    >>> [round(one, 9) for one in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order, m = np.argsort(p, kind="stable"), len(p)
    corrected = np.empty(m)
    corrected[order] = np.minimum(np.maximum.accumulate((m - np.arange(m)) * np.asarray(p)[order]), 1.0)
    return corrected.tolist()


def gain(claim: Claim, evidence: Evidence) -> Gain:
    """How far ahead the claim's first row is. Raises: NotTestable where a value is not a finite number."""
    first, second = evidence.first, evidence.second
    if not (math.isfinite(first.value) and math.isfinite(second.value)):
        raise NotTestable(f"{claim.metric} is not a finite number in both rows")
    sign = 1 if claim.direction == "higher" else -1
    ahead = Resampled(sign * (first.value - second.value), sign * (first.replicates - second.replicates))
    beyond = _less(ahead, claim.margin.least, second, claim.margin.kind)
    against = _less(ahead, min(claim.margin.least, 0.0), second, claim.margin.kind)
    estimates = percentile_interval(*beyond), percentile_interval(*against)
    if claim.is_cost:
        return Gain(*estimates, None)
    units = evidence.people or evidence.n
    one_sided = one_sided_p(*beyond, units), one_sided_p(-against.value, -against.replicates, units)
    return Gain(*estimates, min(1.0, 2 * min(one_sided)))


def one_sided_p(value: float, replicates: np.ndarray, units: int) -> float:
    """The p of `the true value is 0 or less`, from Student's t with units - 1 degrees of freedom.

    replicates: the bootstrap's, (n_boot,), of `units` independent people or images. 1 where they are constant.
    """
    spread = float(replicates[np.isfinite(replicates)].std(ddof=1)) * math.sqrt(units / (units - 1))
    return float(student.sf(value / spread, units - 1)) if spread else 1.0


def _less(ahead: Resampled, least: float, second: Resampled, kind: Literal["relative", "absolute"]) -> Resampled:
    """`ahead`, less the margin."""
    if kind == "absolute":
        return Resampled(ahead.value - least, ahead.replicates - least)
    return Resampled(ahead.value - least * abs(second.value), ahead.replicates - least * np.abs(second.replicates))


def _difference(first: Resampled, second: Resampled) -> Estimate:
    return percentile_interval(first.value - second.value, first.replicates - second.replicates)


def _verdict(found: Gain, p_holm: float | None, alpha: float) -> tuple[Verdict, str]:
    claimed: Verdict = "supported" if found.beyond.low > 0 else "contradicted" if found.against.high < 0 else "not supported"
    if claimed == "not supported":
        return claimed, "the interval holds the margin" if found.beyond.high >= 0 else "the interval lies short of the margin"
    if p_holm is None or p_holm < alpha:
        return claimed, ""
    return "not supported", f"Holm's p is not below {alpha:g}"


# ---- what the tables hold


def _evidence(claim: Claim, resamples: int, contents: Mapping[str, Any], scores: Path, manifests: Path | None) -> Evidence:
    if claim.table not in contents:
        raise NotTestable(f"no {claim.table} here")
    content = contents[claim.table]
    if claim.is_cost:
        costs = {row["method"]: row for row in content["rows"]}
        first, second = _corners(*(_cost(costs[name], claim.metric) for name in _names(claim, costs)))
        return Evidence(first, second)
    table = table_from_json(content)
    rows, card = _rows(claim, table), _card(claim, table)
    draws = Draws(
        content["base_seed"],
        claim.dataset,
        resamples if card.level == "image" else table.n_boot,
        people_of(manifests, claim.dataset),
    )
    paired = pair(rows, scores, card, draws)
    if card.resamples == "people":
        paired = paired._replace(people=_people(content, claim.dataset, draws.people) or paired.n)
    units, what = (paired.people, "people") if card.level == "image" or card.resamples == "people" else (paired.n, "images")
    if units < LEAST:
        raise NotTestable(f"{units} {what} with {claim.metric} in both rows; a test takes {LEAST}")
    return Evidence(paired.rows[0], paired.rows[1], paired.n, paired.people, paired.images, card.decimals)


def _people(content: Mapping[str, Any], dataset: str, people: Mapping[str, str]) -> int:
    """Of a test set that recognition asks about: those the config takes, or all that its manifest tells apart."""
    return content.get("datasets", {}).get(dataset, {}).get("identities") or len(set(people.values()))


def _names(claim: Claim, there: Mapping[str, Any]) -> tuple[str, str]:
    """The claim's rows, both of which are there."""
    first, second = (METHODS.among(name, there) for name in (claim.first, claim.second))
    for name in (first, second):
        if name not in there:  # a method that is merely left out is no slip
            place, near = ("methods", []) if name in method_cards() else ("variants", get_close_matches(name, there, n=1))
            how = f": it needs {claim.needs}" if claim.needs else f"; did you mean {near[0]}?" if near else f"; add it under {place}"
            raise NotTestable(f"{claim.table} has no row {name}{how}")
    return first, second


def _rows(claim: Claim, table: Table) -> list[Row]:
    blocks = {(dataset, degradation): rows for dataset, degradation, rows in table.blocks()}
    if (claim.dataset, claim.degradation) not in blocks:
        raise NotTestable(f"{claim.table} has no set {claim.dataset}, {claim.degradation}")
    by_name = {row.method: row for row in blocks[claim.dataset, claim.degradation]}
    rows = [by_name[name] for name in _names(claim, by_name)]
    if unmade := next((row for row in rows if row.note), None):
        raise NotTestable(f"{unmade.method}: {unmade.note}")
    return rows


def _card(claim: Claim, table: Table) -> MetricCard:
    card = next((card for card in table.metrics if card.id == claim.metric), None)
    if card is None:
        raise NotTestable(f"{claim.table}'s protocol, {table.protocol}, has no {claim.metric}")
    return card


def _cost(row: Mapping[str, Any], column: str) -> Estimate:
    """A cost with its rounds' extremes; what is counted, not timed, has none. NaN for a method without networks."""
    value = math.nan if row[column] is None else float(row[column])
    low, high = (float(row.get(f"{column}_{end}", value)) for end in ("lo", "hi"))
    return Estimate(value, low, high)


def _corners(first: Estimate, second: Estimate) -> tuple[Resampled, Resampled]:
    """All pairs of the extremes, as if they were replicates: a percentile interval of four goes from the least to the most."""
    pairs = np.array([(a, b) for a in (first.low, first.high) for b in (second.low, second.high)])
    return Resampled(first.value, pairs[:, 0]), Resampled(second.value, pairs[:, 1])


# ---- the table of claims


def write_claims(claims: Claims, findings: Sequence[Finding], tables: Mapping[str, Path], out: Path) -> None:
    """Write `out` (csv, last) and, beside it, json, md and tex. The json has the tables' checksums, the code and the versions too."""
    records = [_record(finding) for finding in findings]
    about = {
        "alpha": claims.alpha,
        "resamples": claims.resamples,
        "correction": "Holm",
        "tests": _tests(findings),
        "tables": {name: sha256_file(path) for name, path in tables.items()},
        "code": code_version(),
        "environment": environment(),
    }
    write_text(out.with_suffix(".json"), to_json(about | {"claims": records}))
    lines = [_cells(finding) for finding in findings]
    legend = _legend(claims, findings)
    write_text(out.with_suffix(".md"), _markdown(findings, lines, legend))
    tex = [" & ".join(map(tex_escape, line)) + r" \\" for line in lines]
    write_text(
        out.with_suffix(".tex"), "% Needs \\usepackage{booktabs}\n" + tex_table(out.stem, f"{summary(findings)}. {legend}", HEADER, tex)
    )
    write_text(out, _csv(records))


def summary(findings: Sequence[Finding]) -> str:
    """`43 claims: 12 supported, 3 not supported, 2 contradicted, 26 not testable here`."""
    counts = Counter(finding.verdict for finding in findings)
    return f"{len(findings)} {'claim' if len(findings) == 1 else 'claims'}: " + ", ".join(
        f"{counts[verdict]} {verdict}" for verdict in VERDICTS
    )


def listed(findings: Sequence[Finding]) -> str:
    """A line a claim, verdict first, then the summary."""
    lines = [f"{one.verdict:<18} {one.claim.name:<32} {one.why}".rstrip() for one in findings]
    return "\n".join([*lines, "", f"{summary(findings)}."])


def _tests(findings: Sequence[Finding]) -> int:
    return sum(finding.p is not None for finding in findings)


def _record(finding: Finding) -> dict[str, str | int | float | None]:
    """A finding as plain values, None for what was not measured."""
    claim, there = finding.claim, finding.evidence
    effect, kind = finding.effect
    numbers = {
        "first_value": there.first.value if there else math.nan,
        "second_value": there.second.value if there else math.nan,
        **_spread("difference", finding.difference),
        **_spread("relative", finding.relative),
        "p": finding.p,
        "p_holm": finding.p_holm,
        "effect": effect,
    }
    return {
        "claim": claim.name,
        "says": claim.says,
        "first": claim.first,
        "second": claim.second,
        "metric": claim.metric,
        "table": claim.table,
        "dataset": claim.dataset,
        "degradation": claim.degradation,
        "direction": claim.direction,
        "margin": claim.margin.least,
        "margin_kind": claim.margin.kind,
        "n": there.n if there else 0,
        "people": there.people if there else 0,
        **{name: None if value is None or not math.isfinite(value) else value for name, value in numbers.items()},
        "effect_kind": kind,
        "verdict": finding.verdict,
        "why": finding.why,
    }


def _spread(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_lo": estimate.low, f"{name}_hi": estimate.high}


def _csv(records: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _cells(finding: Finding) -> list[str]:
    """A line of the printed table."""
    claim, there = finding.claim, finding.evidence
    sign = {"lower": "<", "higher": ">"}[claim.direction]
    stated = f"{claim.first} {sign} {claim.second} in {claim.metric}{claim.margin}"
    verdict = f"{finding.verdict}: {finding.why}" if finding.why else finding.verdict
    if there is None:
        return [claim.says, stated, *[DASH] * 5, verdict]
    effect, kind = finding.effect
    n = f"{there.n} ({there.people} people)" if there.people else str(there.n or DASH)
    return [
        claim.says,
        stated,
        n,
        _interval(finding.difference, "+.3g" if there.decimals is None else f"+.{there.decimals + 1}f"),
        _interval(finding.relative, "+.1%"),
        DASH if finding.p_holm is None else f"{finding.p_holm:.2g}",
        f"{effect:+.2f}" if kind == "d_z" and math.isfinite(effect) else DASH,
        verdict,
    ]


def _interval(estimate: Estimate, form: str) -> str:
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]" if math.isfinite(estimate.value) else DASH


def _legend(claims: Claims, findings: Sequence[Finding]) -> str:
    return (
        f"Differences are first - second on the same images, with 95 % intervals of {claims.resamples} resamples of people (a set metric: "
        "its table's, of images, recognition's of people; a cost: from its rounds' extremes, without p). Two-sided p against the margin, "
        f"corrected by Holm over {_tests(findings)} tests; a supported or contradicted claim's is below {claims.alpha:g}. d_z: the images' "
        "mean difference over its standard deviation; where there is none, the relative difference is the effect."
    )


def _markdown(findings: Sequence[Finding], lines: Sequence[Sequence[str]], legend: str) -> str:
    escaped = [[markdown_escape(cell) for cell in line] for line in lines]
    rows = [HEADER, [":--", ":--", *["--:"] * (len(HEADER) - 3), ":--"], *escaped]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join(["# The paper's claims, tested here", f"{summary(findings)}.", table, legend]) + "\n"
