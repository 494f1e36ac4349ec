"""The paper's preset at 512x512, from the fetched archives to every table and the report, on a miniature of each set (miniature.py).

By make paper, apart from make test: about half an hour on two cores.
"""

import json
import math
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from clrface.models.recogniser import SFace
from clrface.restoration.pipeline import CLRFace
from tests.paper.miniature import FACES, SIDE_PX, TAKEN, Miniature
from tests.shelf import Shelf

pytestmark = pytest.mark.timeout(5400)
CONFIGS = ("config/paper_training.yaml", "less.yaml", "miniature.yaml")


def snakemake(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "snakemake", *words, "--configfile", *CONFIGS]
    ended = subprocess.run(command, cwd=folder, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-20_000:]
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory, sources: Path) -> Iterator[Miniature]:
    """Made whole: one run of `all`."""
    with Shelf() as shelf:
        thread = threading.Thread(target=shelf.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            made = Miniature(tmp_path_factory.mktemp("paper"), shelf, sources)
            planned = snakemake(made.folder, "-n")
            assert shelf.asked == [] and re.search(r"^fetch_source +\d+$", planned, re.M), "the whole graph is there before any file"
            snakemake(made.folder, "--cores", "2")
            yield made
        finally:  # a server that goes on would keep the failed test's process alive
            shelf.shutdown()
            thread.join()


def table(miniature: Miniature, name: str) -> pd.DataFrame:
    return pd.read_csv(miniature.folder / f"results/paper/{name}.csv")


def test_each_set_came_from_the_next_place_and_is_recorded(miniature: Miniature) -> None:
    recorded = json.loads((miniature.folder / "data/sources.lock.json").read_text())
    for name in ("celeba_test", "celeba_test_lq_gfpgan", "lfw_test", "webphoto_test", "wider_test", "celebchild_test", "ffhq512"):
        assert name in recorded
        assert len(list((miniature.folder / "data/raw" / name).glob("*.png"))) == FACES


def test_the_weights_know_how_their_faces_were_aligned(miniature: Miniature) -> None:
    pipeline = CLRFace.from_pretrained(miniature.folder / "results/paper/train/clrface")
    assert pipeline.identity.config["template"] == "ffhq"
    sources = miniature.folder / "data/raw"
    assert torch.equal(pipeline.make_recogniser(sources).chip, SFace(sources, "ffhq").chip)


def test_faces_are_restored_at_512(miniature: Miniature) -> None:
    [path, *_] = (miniature.folder / "results/paper/restored/celeba_test/gfpgan_lq/clrface/0").glob("*/*.png")
    assert np.asarray(Image.open(path)).shape == (SIDE_PX, SIDE_PX, 3)


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("table1", "paper"), ("table2", "paper"), ("table3", "paper_real_world"), ("table5", "vqfr_uncorrected"), ("calibration", "pmrf")],
)
def test_each_table_has_every_cell(miniature: Miniature, name: str, protocol: str) -> None:
    metrics = yaml.safe_load((miniature.folder / "clrface/catalogue/protocols.yaml").read_text())[protocol]["metrics"]
    rows = table(miniature, name)
    ran = rows[rows["method"] != "difface"]
    assert (ran["n"] == TAKEN).all() and (ran["n_failed"] == 0).all()
    empty = ran[metrics].isna()
    if "deg_arcface_r18" in metrics:  # the rule drops pairs under one degree: the truth's, and with random weights others'
        assert ran.loc[ran["method"] == "ground_truth", "deg_arcface_r18"].isna().all() and not empty["deg_arcface_r18"].all()
        empty["deg_arcface_r18"] = False
    assert not empty.any(axis=None), rows.to_string()
    not_run = rows[rows["method"] == "difface"]
    assert not_run[metrics].isna().all(axis=None) and not not_run["note"].isna().any()


def test_lfw_s_pairs_are_verified(miniature: Miniature) -> None:
    rows = table(miniature, "table4").set_index("method")
    assert (rows["n"] == FACES).all() and (rows["n_failed"] == 0).all()
    assert ((rows.filter(regex="arcface_r50$") >= 0) & (rows.filter(regex="arcface_r50$") <= 100)).all(axis=None)
    assert (miniature.folder / "results/paper/figures/table4_roc.png").is_file()
    assert not list((miniature.folder / "data/raw/lfw").glob("Nobody/*")), "the list doesn't name it"


def test_the_sets_that_are_one_in_name_differ(miniature: Miniature) -> None:
    rows = table(miniature, "table1").set_index(["degradation", "method"])
    assert rows.loc[("gfpgan_lq", "input"), "psnr"] > rows.loc[("daefr_lq", "input"), "psnr"] + 3
    assert rows.loc[("gfpgan_lq", "ground_truth"), "psnr"] == math.inf


def test_published_numbers_stand_beside_ours(miniature: Miniature) -> None:
    rows = table(miniature, "calibration").set_index("method")
    published = [column for column in rows if column.endswith("_published")]
    assert published and rows.loc["codeformer", published].notna().any()


def test_costs_claims_and_the_report_are_there(miniature: Miniature) -> None:
    costs = table(miniature, "table6").set_index("method")
    assert {"gfpgan_1_4", "restoreformer", "codeformer", "clrface", "pixel_diffusion"} <= set(costs.index)
    assert (costs["seconds"] > 0).all() and costs.loc["codeformer", "parameters"] > 5e7
    claims = table(miniature, "claims")
    assert len(claims) and claims["verdict"].notna().all()
    assert (miniature.folder / "results/paper/report.html").stat().st_size > 100_000
    assert len(table(miniature, "steps")) == 2 * 2


def test_a_second_run_does_nothing(miniature: Miniature) -> None:
    assert "Nothing to be done" in snakemake(miniature.folder, "--cores", "2")
