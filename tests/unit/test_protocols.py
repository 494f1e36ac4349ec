"""The field's protocols: what they name, their quirks of counting, and each one end to end on random weights in the official layouts."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import yaml

from clrface.api import DROPPED, Score
from clrface.cli import main
from clrface.errors import UserError
from clrface.evaluation.measure import write_scores
from clrface.fingerprint import ROOT
from clrface.images import write_png
from clrface.metrics.protocols import load_protocol
from clrface.metrics.registry import metric_card
from clrface.stats.bootstrap import bootstrap_indices
from clrface.tables.scores import read_scores
from clrface.tables.table import estimate

PROTOCOLS = ROOT / "clrface/catalogue/protocols.yaml"
OFFICIAL = ("vqfr", "vqfr_uncorrected", "restoreformer", "pmrf", "pyiqa", "paper")
IDS = ["a", "b", "c", "d"]


def test_the_assets_of_each_protocol_s_metrics_are_known() -> None:
    known = yaml.safe_load((ROOT / "clrface/catalogue/sources.yaml").read_text())
    for name in OFFICIAL:
        protocol = load_protocol(PROTOCOLS, name)
        assert {asset for metric in protocol.metrics for asset in metric_card(metric).assets} <= set(known)


def test_vqfr_differs_from_its_uncorrected_twin_in_psnr_and_ssim_alone() -> None:
    corrected, plain = (set(load_protocol(PROTOCOLS, name).metrics) for name in ("vqfr", "vqfr_uncorrected"))
    assert corrected - plain == {"psnr_corrected", "ssim_corrected"}
    assert plain - corrected == {"psnr", "ssim"}


def test_an_unknown_protocol_gets_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown protocol 'vqrf'. Did you mean 'vqfr'\?"):
        load_protocol(PROTOCOLS, "vqrf")


def test_a_protocol_s_place_is_named_where_it_is_unknown(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("protocols: {mine: {metrics: [psnr]}}\n")
    with pytest.raises(UserError, match=r"Unknown protocol 'distortion'\. Available: mine\. Name one of them: --protocol NAME\."):
        load_protocol(mine, "distortion")
    with pytest.raises(UserError, match=r"Unknown protocol 'mine'.* One of your own is in a file: --protocols FILE\."):
        load_protocol(PROTOCOLS, "mine")
    mine.write_text("protocol: mine\n")
    with pytest.raises(UserError, match=r"has no protocols\. Expected the key `protocols`"):
        load_protocol(mine, "mine")


def mean_of(metric: str, scores: list[Score], folder: Path) -> tuple[float, set[str]]:
    """The table's mean of four images' scores, and which of them it counts as failed."""
    path = folder / f"{metric}.csv"
    write_scores(path, dict(zip(IDS, scores, strict=True)))
    read = read_scores(path, "image")
    return estimate([read], metric_card(metric), IDS, bootstrap_indices(0, "test", 10, 4)).value, set(read.failures)


@pytest.mark.parametrize("metric", ["psnr_full_count", "ssim_full_count", "lpips_vgg_bgr", "idd_arcface_r18"])
def test_restoreformer_divides_by_the_full_count(metric: str, tmp_path: Path) -> None:
    """(1 + 2 + 6) / 4, though one of the four has no output."""
    scores = [Score(1.0), Score(2.0), Score(math.nan, "no output"), Score(6.0)]
    assert mean_of(metric, scores, tmp_path) == (9 / 4, {"c"})


@pytest.mark.parametrize("metric", ["psnr", "lpips_vgg"])
def test_elsewhere_a_failed_image_is_left_out(metric: str, tmp_path: Path) -> None:
    scores = [Score(1.0), Score(2.0), Score(math.nan, "no output"), Score(6.0)]
    assert mean_of(metric, scores, tmp_path) == (3, {"c"})


def test_a_pair_that_vqfr_drops_is_neither_in_the_mean_nor_failed(tmp_path: Path) -> None:
    scores = [Score(30.0), Score(math.nan, f"{DROPPED}: 0.4 degrees"), Score(math.nan, "no output"), Score(40.0)]
    assert mean_of("deg_arcface_r18", scores, tmp_path) == (35, {"c"})
    assert read_scores(tmp_path / "deg_arcface_r18.csv", "image").values["a"] == 30


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three parts of a photograph at 192 px, the least that NIQE takes, and the same, dark and noisy, more than a degree away."""
    root, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for place in range(3):
        truth = skimage.data.astronaut()[50 * place : 50 * place + 192, 140 : 140 + 192]
        write_png(root / "gt" / f"{place}.png", truth)
        write_png(root / "pred" / f"{place}.png", np.clip(truth / 2 + rng.normal(0, 70, truth.shape), 0, 255).astype(np.uint8))
    return root / "pred", root / "gt"


def table(protocol: str, pred: Path, gt: Path, official: Path, out: Path) -> dict[str, dict[str, str]]:
    words = ["--pred", pred, "--gt", gt, "--protocol", protocol, "--raw", official, "--cache", official / "cache", "--out", out]
    main(["evaluate", *map(str, words), "--bootstrap", "5"])
    with out.open(newline="", encoding="utf-8") as handle:
        return {row["metric"]: row for row in csv.DictReader(handle)}


@pytest.mark.parametrize("protocol", OFFICIAL)
def test_each_protocol_end_to_end(protocol: str, folders: tuple[Path, Path], official: Path, tmp_path: Path) -> None:
    rows = table(protocol, *folders, official, tmp_path / "out.csv")
    assert list(rows) == list(load_protocol(PROTOCOLS, protocol).metrics)
    for name, row in rows.items():
        assert math.isfinite(float(row["value"])), (name, row["note"])
        assert float(row["lo"]) <= float(row["hi"])
        assert row["n_failed"] == "0"


def test_the_truth_scores_the_best_there_is(folders: tuple[Path, Path], official: Path, tmp_path: Path) -> None:
    _, gt = folders
    rows = table("pmrf", gt, gt, official, tmp_path / "pmrf.csv") | table("paper", gt, gt, official, tmp_path / "paper.csv")
    assert rows["deg_arcface_r18"]["value"] == ""
    assert rows["deg_arcface_r18"]["note"].startswith(f"No value: {DROPPED}")
    best = {"psnr_eps": 80, "ssim": 1, "lpips_vgg": 0, "lmd_fan": 0, "fid_gt": 0, "kid_gt": 0, "ids_arcface_r50": 1}
    assert {name: float(rows[name]["value"]) for name in best} == pytest.approx(best, abs=1e-3)
    assert float(rows["fid_ffhq512"]["value"]) > 1
