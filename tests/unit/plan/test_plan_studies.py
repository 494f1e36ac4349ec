"""The training and the studies: stages, sweeps, costs."""

import json
import shlex

import pytest

from clrface.errors import UserError
from clrface.plan import studies, targets, training


def test_training_faces_are_cut_into_chunks(plan):
    assert training.face_chunks(plan)[0] == "data/training/utkface/000" and len(training.face_chunks(plan)) == 9
    assert training.align_inputs(plan, "utkface") == ["data/raw/dlib/SOURCE.json", "data/raw/utkface/SOURCE.json"]
    with pytest.raises(UserError, match="Unknown training set 'orl'"):
        training.align_args(plan, "orl")


def test_drawn_faces_are_trained_on_beside_the_real_ones(planner):
    drawing = {"count": 4500, "seed": 0, "truncation": 0.8, "size": 256}
    plan = planner(training={"generated": drawing}, weights="fit")
    chunks = training.face_chunks(plan)
    assert len(chunks) == 9 + 3 and chunks[-1] == "data/training/generated_train/002"
    assert training.align_inputs(plan, "generated_train") == ["data/raw/dlib/SOURCE.json", "data/raw/generated_train/manifest.csv"]
    assert training.faces_args(plan).split() == [
        *("--faces", "data/training/utkface", "data/training/generated_train"),
        *("--manifest", "clrface/catalogue/manifests/utkface.csv", "data/raw/generated_train/manifest.csv"),
    ]
    assert set(training.drawing_args(plan).split(" --")) == {"--count 4500", "seed 0", "truncation 0.8", "size 256"}
    other = planner(training={"generated": drawing | {"seed": 2}})
    assert training.faces_digest(plan, "generated_train") != training.faces_digest(other, "generated_train")
    assert "mobilestylegan" in plan.needed and "mobilestylegan" not in planner().needed
    assert training.drawing_args(planner()) == ""


def test_the_preset_in_colour_trains_on_real_and_drawn_faces(planner):
    plan = planner("colour")
    assert plan.resolution == 96 and [found.name for found in plan.training.datasets] == ["utkface", "generated_train"]
    assert list(plan.datasets) == ["orl", "lfw25", "generated"] and plan.dataset("generated").comes_as == "utkface"
    assert plan.table("table1").datasets == ("orl", "generated") and "realesrgan" in plan.rows
    irn = plan.training.stages["irn"]["options"]
    assert irn["start_from"] == "unet" and not irn["adversarial"] and irn["identity"]
    assert plan.training.stages["codebook"]["network"]["places"] == (96 // 8) ** 2


def test_training_faces_of_a_set_without_names(planner):
    plan = planner("paper", "paper_training")
    assert len(training.face_chunks(plan)) == 35 and training.align_inputs(plan, "ffhq512") == ["data/raw/ffhq512/SOURCE.json"]
    assert training.align_args(plan, "ffhq512") == "--manifest data/raw/ffhq512/manifest.csv --aligned --template ffhq"
    assert training.faces_digest(plan, "ffhq512") != training.faces_digest(planner(), "utkface")


def test_a_stage_needs_those_before_and_the_folder_it_starts_from(plan, planner, tmp_path):
    assert training.stage_inputs(plan, "irn") == ["results/train/unet_gan/unet_gan/training.json"]
    (tmp_path / "net.safetensors").touch()
    start = {"training": {"stages": {"autoencoder": {"options": {"start_from": str(tmp_path)}}}}}
    assert training.stage_inputs(planner(**start), "autoencoder") == [str(tmp_path / "net.safetensors")]


def test_a_stage_needs_the_one_that_it_starts_from_and_no_other(planner):
    colour = planner("colour")
    assert training.stage_inputs(colour, "irn") == ["results/colour/train/unet/unet/training.json"]
    scratch = planner(training={"stages": {"unet_gan": {"options": {"start_from": "unet"}}}})
    assert training.stage_inputs(scratch, "unet_gan") == ["results/train/unet/unet/training.json"]


def test_a_stage_s_spec_is_its_numbers_and_the_template(plan, planner):
    spec = json.loads(training.stage_spec(plan, "irn"))
    assert spec["name"] == "irn" and spec["template"] == "utkface" and spec["options"]["start_from"] == "unet_gan"
    assert training.options(plan) == "--seed 0 --workers 1 --precision bf16 --degradation training --device cpu"
    assert "--compile" in training.options(planner("gpu"))


def test_a_sweep_s_spec(plan, planner):
    spec = json.loads(studies.sweep_spec(plan, "steps"))
    assert list(spec["grid"]) == ["start", "solver", "steps"] and spec["base"]["guidance"] == "none" and spec["base"]["residual"] == 0.7
    assert spec["seeds"] == [0] and spec["metrics"] == ["psnr", "stlpips_alex", "kd_effnet", "idd_dlib"]
    words = shlex.split(studies.sweep_figure_args(plan, "steps"))
    assert words == ["--along", "evaluations", "--grid", "start", "solver", "steps", "--metrics", *spec["metrics"]]
    assert studies.sweep_args(plan, "steps") == "--dataset orl --weights shipped --images 16 --device cpu"
    inputs = studies.sweep_inputs(plan, "steps")
    assert (
        inputs["sources"] == [f"data/raw/{name}/SOURCE.json" for name in ("dlib", "effnet", "sface", "stlpips")] and "weights" not in inputs
    )
    assert "results/train/clrface/mask/training.json" in studies.sweep_inputs(planner(weights="fit"), "steps")["weights"]


def test_sweeps_that_tune_are_no_part_of_everything(planner):
    plan = planner("tune")
    assert targets.tuning_files(plan)[0] == "results/figures/tune_start.png"
    assert "results/figures/tune_start.png" not in studies.study_files(plan)


def test_costs_are_of_rows_that_run_here_and_do_something(plan, paper):
    rows = [row.name for row in studies.cost_rows(plan)]
    assert rows == ["nlm", "wiener", "unet", "unet_perceptual", "unet_gan", "codebook", "pixel_diffusion", "clrface"]
    assert "difface" not in [row.name for row in studies.cost_rows(paper)]
    assert studies.cost_args(plan) == "--dataset orl --weights shipped --images 4 --device cpu"
    assert "data/raw/sface/SOURCE.json" in studies.cost_inputs(plan)["sources"]


def test_the_training_behind_a_row_counts_what_it_started_from(plan):
    behind = {row["row"]: [stage for _, stage in row["stages"]] for row in json.loads(studies.cost_spec(plan))["rows"]}
    assert behind["wiener"] == [] and behind["unet"] == ["unet"]
    assert behind["unet_gan"] == ["unet", "unet_gan", "unet_perceptual"]
    assert {"autoencoder", "decoder", "irn", "identity", "prior", "mask"} <= set(behind["clrface"])


def test_a_study_s_code_changes_with_the_weights(plan, planner):
    code = studies.study_code(plan, ["clrface.study.mask_maps"])
    assert code != studies.study_code(planner(weights="fit"), ["clrface.study.mask_maps"])
    assert code != studies.study_code(plan, ["clrface.study.overview"])
