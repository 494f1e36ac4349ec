"""Each preset and size has its own folders under data/ and results/, the default none."""

from pathlib import Path

import pytest

from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.plan import datasets, page, tables, targets, training
from clrface.plan.places import place_of

DEFAULT = {"preset": "embedded", "resolution": 64, "template": "utkface"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, ""),
        ({"resolution": 96}, "embedded@96"),
        ({"template": "ffhq"}, "embedded@ffhq"),
        ({"preset": "mine"}, "mine"),
        ({"preset": "mine", "resolution": 96, "template": "ffhq"}, "mine@96-ffhq"),
        ({"preset": "paper", "resolution": 512, "template": "ffhq"}, "paper"),
        ({"preset": "paper", "resolution": 256, "template": "ffhq"}, "paper@256"),
    ],
)
def test_a_place_is_named_by_the_preset_and_by_a_size_that_isn_t_its_own(changes, place):
    assert place_of(DEFAULT | changes, DEFAULT, ROOT / "config") == place


def test_a_place_holds_faces_weights_and_results_but_no_sources(planner):
    full = planner("full")
    made = [*targets.all_files(full), *tables.score_files(full, "table1"), *training.records(full), *page.page_images(full)]
    made += [*datasets.gallery_of(full, "orl"), *training.face_chunks(full)]
    assert all(path.startswith(("data/full/", "results/full/")) for path in made)
    assert datasets.align_inputs(full, "orl") == ["data/raw/dlib/SOURCE.json", "data/raw/orl/SOURCE.json"]
    fitted = planner("full", weights="fit")
    assert (planner(weights="fit").trained, fitted.trained, full.trained) == ("fit", "results/full/train", "shipped")


@pytest.mark.parametrize(
    ("over", "word", "said"),
    [
        (
            ["full"],
            "results/table1.csv",
            r"results/table1\.csv is of the default preset.*Ask for results/full/table1\.csv, or give that preset's",
        ),
        ([], "results/full/table1.csv", r"is of the place 'full'.*Ask for results/table1\.csv"),
        (["full"], "data/aligned/orl/000", r"Ask for data/full/aligned/orl/000"),
        (["full"], "results/full/scores/orl/blind/clrfcae/0/psnr.csv", r"Unknown row 'clrfcae'\. Did you mean 'clrface'"),
    ],
)
def test_a_file_of_another_place_is_told(over, word, said, planner):
    with pytest.raises(UserError, match=said):
        targets.check_names(planner(*over), ["-n", word])


def test_own_and_shared_files_pass(planner):
    full = planner("full")
    targets.check_names(full, [*targets.all_files(full), "data/raw/orl/SOURCE.json", str(Path("config/full.yaml"))])
