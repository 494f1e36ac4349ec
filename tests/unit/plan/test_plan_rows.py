"""Rows: what restoring and measuring read and are told, weights, degradations, downloads."""

import json
import shlex
from dataclasses import replace

import pytest

from clrface.errors import UserError
from clrface.plan import degrading, fetching, measuring, restoring


def test_a_row_reads_its_sources_and_the_weights_that_are_still_to_be_trained(plan, planner):
    sources = ["data/raw/sface/SOURCE.json"]
    assert restoring.restore_inputs(plan, "orl", "clrface") == sources
    fitted = restoring.restore_inputs(planner(weights="fit"), "orl", "clrface")
    assert fitted[:1] == sources and "results/train/clrface/mask/training.json" in fitted
    assert restoring.restore_inputs(plan, "orl", "nlm") == []


def test_the_words_of_a_row(plan):
    words = shlex.split(restoring.restore_args(plan, "orl", "steps_4"))
    params = json.loads(words[words.index("--params") + 1])
    assert params["steps"] == 4 and params["solver"] == "ddim"
    assert words[:2] == ["--method", "clrface"] and words[-2:] == ["--base-seed", "0"] and "--weights" in words
    assert "--weights" not in restoring.restore_args(plan, "orl", "nlm")
    assert "--device" not in restoring.restore_args(plan, "orl", "input"), "a control has no network"


def test_finished_images_are_held_against_the_whole_test_set(planner, images):
    plan = planner(methods={"mine": {"folder": str(images)}})
    assert restoring.restore_inputs(plan, "orl", "mine") == ["data/aligned/orl/000", "data/aligned/orl/001"]
    assert shlex.split(restoring.restore_args(plan, "orl", "mine"))[:3] == ["--finished", str(images), "--test-set"]
    before = restoring.row_code(plan, "mine")
    (images / "a.png").unlink()
    assert before != restoring.row_code(planner(methods={"mine": {"folder": str(images)}}), "mine")


def test_an_external_program_is_installed_only_where_it_can_run(planner, monkeypatch):
    ready = "data/external/difface/READY.json"
    able = replace(fetching.read_external(fetching.external_path("difface")), unable="", device="cuda")
    monkeypatch.setattr(fetching, "read_external", lambda path: able)
    there = planner("paper", device="cuda")
    assert restoring.restore_inputs(there, "celeba_test", "difface") == [ready] and ready in fetching.fetched_files(there)
    here = planner("paper", device="cpu")
    assert restoring.restore_inputs(here, "celeba_test", "difface") == [] and ready not in fetching.fetched_files(here)
    assert fetching.install_inputs(there, "difface") == [f"data/raw/{source}/SOURCE.json" for source in able.sources]
    assert fetching.install_card(there, "difface").endswith("difface.yaml")


def test_a_row_s_code_changes_with_its_own_latents_weights(plan, planner):
    short = restoring.weights_digest(plan, "clrface", "f8_short")
    own = restoring.weights_digest(plan, "clrface")
    assert any(file.startswith("prior_f8_short/") for file in short) and not any("short" in file for file in own)
    assert restoring.weights_digest(planner(weights="fit"), "clrface") == {}, "they are inputs instead"
    assert restoring.weights_digest(planner(weights="someone/model"), "clrface") == "someone/model"
    assert restoring.weights_digest(plan, "nlm") == {}


def test_the_families_whose_weights_are_used(plan, planner):
    assert restoring.families(plan) == ["unet", "unet_perceptual", "unet_gan", "codebook", "pixel_diffusion", "clrface"]
    assert restoring.fitted_records(plan) == []
    assert "results/train/clrface/prior_f8_short/training.json" in restoring.fitted_records(planner(weights="fit"))
    assert restoring.weights_args(plan).endswith("clrface --weights shipped")
    assert list(restoring.all_weights(plan)) == restoring.families(plan)


def test_what_a_metric_is_compared_with(plan):
    assert measuring.reference_chunks(plan, "orl", "blind", "psnr") == ["data/aligned/orl/000", "data/aligned/orl/001"]
    assert measuring.reference_chunks(plan, "lfw25", "as_is", "fd_effnet_clean")[0] == "data/aligned/orl/000"
    assert measuring.reference_chunks(plan, "lfw25", "as_is", "idd_dlib_input")[0] == "data/degraded/lfw25/as_is/000"
    with pytest.raises(UserError, match="'fd_effnet_clean' compares 'orl' with another set of clean faces"):
        measuring.reference_chunks(plan, "orl", "blind", "fd_effnet_clean")


def test_metrics_by_kind(plan):
    kinds = [measuring.image_metrics(plan), measuring.set_metrics(plan), measuring.recognition_metrics(plan)]
    assert "psnr" in kinds[0] and "kd_effnet" in kinds[1] and "rank1_dlib" in kinds[2]
    assert sorted(name for kind in kinds for name in kind) == sorted(plan.metrics), "each is of one kind"
    assert measuring.measure_args(plan, "psnr") == "--base-seed 0 --bootstrap 0"
    assert measuring.measure_args(plan, "kd_effnet") == "--base-seed 0 --bootstrap 1000"


def test_recognition_compares_with_a_gallery_or_by_a_list(plan, paper):
    assert measuring.recognise_inputs(plan, "orl") == {"gallery": ["data/gallery/orl"], "pairs": []}
    assert measuring.recognise_inputs(paper, "lfw")["pairs"] == ["data/raw/lfw_pairs/SOURCE.json"]
    assert measuring.recognise_args(plan, "orl") == "--gallery data/gallery/orl --manifest clrface/catalogue/manifests/orl.csv"
    assert measuring.recognise_args(paper, "lfw").endswith("--pairs data/raw/lfw_pairs/pairs.txt")


def test_a_restored_row_s_chunks_name_a_row_that_is_there(plan):
    assert measuring.restored_chunks(plan, "orl", "blind", "unet", "0")[1] == "results/restored/orl/blind/unet/0/001"
    with pytest.raises(UserError, match="Did you mean 'clrface'"):
        measuring.restored_chunks(plan, "orl", "blind", "clrfcae", "0")


def test_finished_images_belong_to_one_test_set(paper):
    assert degrading.degrade_inputs(paper, "celeba_test", "x8") == []
    given = degrading.degrade_inputs(paper, "celeba_test", "gfpgan_lq")
    assert given == ["data/raw/celeba_test_lq_gfpgan/SOURCE.json", "data/raw/celeba_test/SOURCE.json"]
    with pytest.raises(UserError, match="has finished images of 'celeba_test', not of 'lfw'"):
        degrading.degrade_inputs(paper, "lfw", "gfpgan_lq")
    assert degrading.degradation_digest(paper, "x8") != degrading.degradation_digest(paper, "x16")


def test_a_source_may_need_the_list_of_what_is_taken_of_it(paper):
    assert fetching.fetch_inputs(paper, "lfw") == ["data/raw/lfw_pairs/SOURCE.json"] and fetching.fetch_inputs(paper, "dlib") == []
    assert fetching.fetch_digest(paper, "lfw") != fetching.fetch_digest(paper, "lfw_pairs")
