"""Claims are tested by the rule that docs/explanation/claims.md states, none of them dropped."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm, ttest_rel
from scipy.stats import t as student

from clrface.claims import Claim, Claims, Margin
from clrface.cli import main
from clrface.tables.compare import Resampled
from clrface.tables.verdicts import (
    LEAST,
    Evidence,
    Finding,
    NotTestable,
    _names,
    _people,
    gain,
    holm,
    judge,
    one_sided_p,
    summary,
    write_claims,
)
from tests.unit.claims_bench import CLAIM, IDS, Bench, N, written


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """b is 1 px worse than a, c as good as a; in KD, b is 20 worse, and c one."""
    made = Bench(tmp_path)
    made.add("a", 0.0, 50.0)
    made.add("b", 1.0, 70.0)
    made.add("c", 0.0, 51.0)
    return made


# ---- the arithmetic


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )  # 4 x .005, 3 x .01, 2 x .03, and .04 no less than that
    assert holm([0.6, 0.5]) == [1.0, 1.0] and holm([0.02]) == [0.02] and holm([]) == []


def test_the_p_by_hand() -> None:
    replicates = np.array([1.0, 2.0, 3.0, math.nan])  # a standard deviation of 1; of 4 people, sqrt(4 / 3) is the standard error
    assert one_sided_p(2.0, replicates, 4) == pytest.approx(student.sf(2 / math.sqrt(4 / 3), 3))
    assert one_sided_p(-2.0, replicates, 4) == pytest.approx(1 - one_sided_p(2.0, replicates, 4)) and one_sided_p(0.0, replicates, 4) == 0.5
    assert one_sided_p(1.0, np.ones(10), 4) == 1.0, "replicates that don't move tell nothing"


def test_the_p_of_independent_images_is_the_paired_t_test_s(bench: Bench) -> None:
    a, b = (bench.hard + bench.noise["a"], bench.hard + 0.1 + bench.noise["b"])
    drawn = np.random.default_rng(1).multinomial(N, np.full(N, 1 / N), size=20000)
    found = gain(CLAIM, Evidence(Resampled(a.mean(), drawn @ a / N), Resampled(b.mean(), drawn @ b / N), N, N))
    assert found.p == pytest.approx(ttest_rel(a, b).pvalue, rel=0.05)


def test_a_true_null_of_few_people_is_rejected_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    p = []
    for _ in range(600):
        values, drawn = rng.normal(0, 1, 8), rng.multinomial(8, np.full(8, 1 / 8), size=400)
        p.append(gain(CLAIM, Evidence(Resampled(values.mean(), drawn @ values / 8), Resampled(0.0, np.zeros(400)), 8, 8)).p)
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.075


def evidence(first: float, second: float, spread: float = 1.0) -> Evidence:
    """Two values whose difference has normal replicates."""
    drawn = norm.ppf((np.arange(1000) + 0.5) / 1000, scale=spread)
    return Evidence(Resampled(first, first + drawn), Resampled(second, np.full(1000, second)), N, N)


@pytest.mark.parametrize(
    ("first", "margin", "beyond", "against"),
    [
        (90.0, Margin(), 10.0, 10.0),
        (90.0, Margin("absolute", 8.0), 2.0, 10.0),  # short of the margin is not yet the other direction
        (90.0, Margin("relative", 0.05), 5.0, 10.0),
        (101.0, Margin("relative", -0.02), 1.0, 1.0),  # 1 worse, where 2 may be
        (103.0, Margin("relative", -0.02), -1.0, -1.0),
        (110.0, Margin("relative", 0.05), -15.0, -10.0),
    ],
)
def test_how_far_ahead_a_row_is(first: float, margin: Margin, beyond: float, against: float) -> None:
    found = gain(replace(CLAIM, margin=margin), evidence(first, 100.0))
    assert (found.beyond.value, found.against.value) == pytest.approx((beyond, against))
    assert found.beyond.low == pytest.approx(beyond - 1.96, abs=0.05) and found.against.high == pytest.approx(against + 1.96, abs=0.05)
    mirrored = gain(replace(CLAIM, margin=margin, direction="higher"), evidence(200 - first, 100.0))
    assert mirrored.beyond.value == pytest.approx(beyond), "higher is lower in the mirror"


def test_a_claim_is_tested_on_both_sides() -> None:
    ahead, behind = (gain(CLAIM, evidence(100 - by, 100.0)) for by in (2.0, -2.0))
    assert ahead.p == pytest.approx(behind.p) == pytest.approx(2 * student.sf(2, N - 1), rel=0.1)
    assert gain(CLAIM, evidence(100.0, 100.0)).p == 1.0
    between = gain(replace(CLAIM, margin=Margin("absolute", 4.0)), evidence(98.0, 100.0))
    assert between.p == 1.0, "short of the margin, and not in the other direction"


def test_a_relative_margin_is_resampled_with_the_row_that_it_is_a_share_of() -> None:
    """A is half of B in every resample: half is then all certain, however much both move."""
    drawn = np.linspace(50, 150, 500)
    halves = Evidence(Resampled(50.0, drawn / 2), Resampled(100.0, drawn), N, N)
    found = gain(replace(CLAIM, margin=Margin("relative", 0.4)), halves)
    assert found.beyond.low == pytest.approx(0.1 * 50, abs=1.5) and found.beyond.low > 0
    assert gain(replace(CLAIM, margin=Margin("relative", 0.6)), halves).beyond.high < 0


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_value_that_is_no_number_cannot_be_tested(value: float) -> None:
    with pytest.raises(NotTestable, match="lmd is not a finite number in both rows"):
        gain(CLAIM, evidence(value, 100.0))


def test_five_people_are_too_few_and_six_are_enough() -> None:
    assert 2 * binom.pmf(LEAST - 1, LEAST - 1, 0.5) > 0.05 > 2 * binom.pmf(LEAST, LEAST, 0.5)


# ---- on score files, through the table that is made of them


def verdict(found: Finding) -> str:
    return f"{found.verdict}: {found.why}" if found.why else found.verdict


def test_the_verdicts_on_an_image_metric(bench: Bench) -> None:
    better, margin, short, worse, equal = bench.judge(
        CLAIM,
        replace(CLAIM, margin=Margin("absolute", 0.8)),
        replace(CLAIM, margin=Margin("absolute", 1.5)),
        replace(CLAIM, first="b", second="a"),
        replace(CLAIM, second="c", margin=Margin("relative", -0.05)),
    )
    assert [one.verdict for one in (better, margin, short, worse, equal)] == ["supported"] * 2 + [
        "not supported",
        "contradicted",
        "supported",
    ]
    assert short.why == "the interval lies short of the margin" and better.why == ""
    differences = bench.hard + bench.noise["a"] - (bench.hard + 1 + bench.noise["b"])
    assert (
        better.difference.value == pytest.approx(differences.mean())
        and better.evidence
        and better.evidence.n == better.evidence.people == N
    )
    assert better.effect == (pytest.approx(differences.mean() / differences.std(ddof=1)), "d_z")
    assert better.p == pytest.approx(worse.p) and better.p < 1e-20 and 4 * better.p <= better.p_holm <= 5 * better.p


def test_the_verdicts_on_a_set_metric(bench: Bench) -> None:
    kd = replace(CLAIM, metric="kd")
    better, share, unsure = bench.judge(kd, replace(kd, margin=Margin("relative", 0.2)), replace(kd, second="c"))
    assert [one.verdict for one in (better, share, unsure)] == ["supported", "supported", "not supported"]
    assert better.effect == (pytest.approx(-20 / 70), "relative") and better.evidence
    assert (better.evidence.n, better.evidence.people) == (N, 0) and better.p is not None and better.p < 1e-10
    assert unsure.why == "the interval holds the margin" and unsure.difference.low < 0 < unsure.difference.high


def test_holm_makes_a_single_finding_among_many_tests_uncertain(bench: Bench) -> None:
    place = bench.hard + bench.noise["a"]
    bench.add("d", 0, 50.0, lmds=place + 0.1 + 0.25 * norm.ppf((np.arange(N) + 0.5) / N))
    alone = bench.judge(replace(CLAIM, second="d"))[0]
    among = bench.judge(replace(CLAIM, second="d"), *[replace(CLAIM, second="c", name=str(number)) for number in range(20)])[0]
    assert alone.verdict == "supported" and alone.p == alone.p_holm and 0.0025 < alone.p < 0.05
    assert (
        verdict(among) == "not supported: Holm's p is not below 0.05" and among.p == alone.p and among.p_holm == pytest.approx(21 * among.p)
    )


def test_costs_have_their_rounds_extremes_and_no_p(bench: Bench) -> None:
    cost = Claim("cost", "A is quicker", "a", "b", "seconds", "lower", "table6")
    claims = [replace(cost, margin=Margin("relative", least)) for least in (0.8, 0.85)] + [replace(cost, first="b", second="a")]
    quick, unsure, slow = bench.judge(*claims)
    assert [one.verdict for one in (quick, unsure, slow)] == ["supported", "not supported", "contradicted"]
    assert quick.difference == pytest.approx((-1.8, 0.18 - 2.2, 0.25 - 1.5)) and quick.relative == pytest.approx(
        (-0.9, 0.18 / 2.2 - 1, 0.25 / 1.5 - 1)
    )
    assert quick.p is quick.p_holm is None and quick.effect == (pytest.approx(-0.9), "relative")
    counted, none = bench.judge(
        replace(cost, metric="evaluations", margin=Margin("relative", 0.9)), replace(cost, metric="macs", second="c")
    )
    assert counted.verdict == "supported" and counted.relative == pytest.approx((-0.92, -0.92, -0.92))
    assert verdict(none) == "not testable here: macs is not a finite number in both rows"
    assert bench.judge(CLAIM, cost)[0].p_holm == bench.judge(CLAIM)[0].p_holm, "a cost is no part of Holm's correction"


def test_what_is_missing_is_not_testable_and_says_why(bench: Bench) -> None:
    bench.noise |= {"e": bench.noise["d"]}
    bench.add("d", 0, 0, status="not run: needs a CUDA device")
    bench.add("e", 0, 0, status="no face found")
    for changes, why in (
        ({"table": "table4"}, "no table4 here"),
        ({"degradation": "severe"}, "table1 has no set orl, severe"),
        ({"second": "clrface_unguided"}, "table1 has no row clrface_unguided; add it under variants"),
        ({"second": "unet"}, "table1 has no row unet; add it under methods"),
        ({"second": "f16", "needs": "another autoencoder"}, "table1 has no row f16: it needs another autoencoder"),
        ({"second": "f16", "table": "table6", "metric": "seconds"}, "table6 has no row f16; add it under variants"),
        ({"metric": "niqe"}, "table1's protocol, tiny, has no niqe"),
        ({"metric": "psnr"}, f"0 people with psnr in both rows; a test takes {LEAST}"),
        ({"second": "d"}, "d: not run: needs a CUDA device"),
        ({"second": "e"}, "e: no face found"),
        ({"second": "e", "metric": "kd"}, "e: no face found"),
    ):
        [found] = bench.judge(replace(CLAIM, **changes))
        assert verdict(found) == f"not testable here: {why}"
        assert found.evidence is None and math.isnan(found.difference.value) and found.p is None


def test_a_mistyped_row_is_told_with_the_nearest(bench: Bench) -> None:
    claim = replace(CLAIM, second="bb")
    assert verdict(bench.judge(claim)[0]).endswith("has no row bb; did you mean b?")
    with pytest.raises(NotTestable, match="no row unet_gan; add it under methods"):  # left out, not mistyped
        _names(replace(CLAIM, second="unet_gan"), {CLAIM.first: 0, "unet": 0})


def test_recognition_s_units_are_the_people_of_its_test_set() -> None:
    people = {f"{number}": f"p{number % 5}" for number in range(20)}
    assert _people({"datasets": {"orl": {"identities": 3}}}, "orl", people) == 3
    assert _people({"datasets": {"orl": {}}}, "orl", people) == 5


def test_people_are_counted_and_few_are_too_few(bench: Bench, tmp_path: Path) -> None:
    def manifest(people: int) -> Path:
        lines = [f"{image_id},{image_id}.png,p{number % people},test,{'0' * 64}" for number, image_id in enumerate(IDS)]
        (tmp_path / "orl.csv").write_text("\n".join(["image_id,file,identity,split,sha256", *lines]) + "\n")
        return tmp_path

    eight, five = (bench.judge(CLAIM, manifests=manifest(people))[0] for people in (8, 5))
    assert eight.evidence and (eight.evidence.n, eight.evidence.people) == (N, 8) and eight.verdict == "supported"
    assert verdict(five) == "not testable here: 5 people with lmd in both rows; a test takes 6"


def test_the_files_hold_every_claim_with_n_and_multiplicity(bench: Bench, tmp_path: Path) -> None:
    claims = Claims(
        0.05,
        2000,
        (CLAIM, replace(CLAIM, name="gone", second="none"), replace(CLAIM, name="kd", metric="kd", margin=Margin("relative", 0.1))),
    )
    tables = bench.tables()
    findings = judge(claims, tables, bench.scores)
    assert summary(findings) == "3 claims: 2 supported, 0 not supported, 0 contradicted, 1 not testable here"
    write_claims(claims, findings, tables, tmp_path / "claims.csv")
    table = pd.read_csv(tmp_path / "claims.csv").set_index("claim")
    assert list(table.index) == ["better", "gone", "kd"] and list(table["verdict"]) == ["supported", "not testable here", "supported"]
    assert list(table["n"]) == [N, 0, N] and table.loc["gone", "why"] == "table1 has no row none; add it under variants"
    assert table.loc["gone"][["first_value", "difference", "p", "p_holm", "effect"]].isna().all()
    assert table.loc["kd", "margin_kind"] == "relative" and table.loc["kd", "margin"] == 0.1
    record = json.loads((tmp_path / "claims.json").read_text())
    assert record["correction"] == "Holm" and record["tests"] == 2 and set(record["tables"]) == {"table1", "table6"}
    assert [one["claim"] for one in record["claims"]] == ["better", "gone", "kd"]
    text = (tmp_path / "claims.md").read_text()
    assert "Holm over 2 tests" in text and "a \\< b in kd, by 10 % at least" in text and "40 (40 people)" in text
    tex = (tmp_path / "claims.tex").read_text()
    assert "table1 has no row none" in tex and tex.count(r"\\" + "\n") == 4
    before = (tmp_path / "claims.csv").read_bytes()
    write_claims(claims, judge(claims, tables, bench.scores), tables, tmp_path / "claims.csv")
    assert (tmp_path / "claims.csv").read_bytes() == before, "the same tables give the same bytes"


def test_the_command(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench.tables()
    path = written(tmp_path, metric="lmd_dlib")  # the library's own metrics are known, and this table has none of them
    words = [
        "claims",
        str(tmp_path / "table1.json"),
        "--claims",
        str(path),
        "--scores",
        str(bench.scores),
        "--out",
        str(tmp_path / "out.csv"),
    ]
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("1 claim: 0 supported, 0 not supported, 0 contradicted, 1 not testable here.\n")
    assert main([*words[:1], str(tmp_path / "table9.json"), *words[2:]]) == 2
    assert "No table at" in capsys.readouterr().err and (tmp_path / "out.csv").is_file()
