"""The plan itself: typed parts of a checked config, frozen, with the nearest name for a wrong one."""

from dataclasses import FrozenInstanceError

import pytest

from clrface.errors import UserError
from clrface.metrics.registry import FOLDER, code_of, metric_cards
from clrface.plan import measuring


def test_a_plan_has_the_config_s_parts(plan):
    assert (plan.preset, plan.resolution, plan.seeds, plan.weights) == ("embedded", 64, (0,), "shipped")
    assert list(plan.tables) == ["table1", "table2", "table3", "table4", "table5"]
    assert plan.tables["table1"].datasets == ("orl",) and plan.tables["table3"].protocol == "real_world"
    assert plan.tables["table2"].blocks == [("orl", "x4"), ("orl", "x8"), ("orl", "x16")]
    assert plan.dataset("orl").has_truth and not plan.dataset("lfw25").has_truth
    assert [found.name for found in plan.training.datasets] == ["utkface"] and plan.training.stages["irn"]["batch"] == 16
    assert plan.gpus == 0 and not plan.fits


def test_a_plan_can_t_be_changed(plan):
    with pytest.raises(FrozenInstanceError):
        plan.resolution = 96


def test_a_table_s_own_variants_are_rows_but_not_shared_ones(plan):
    assert "steps_4" in plan.rows and "steps_4" not in [row.name for row in plan.shared_rows]
    assert [row.name for row in plan.tables["table5"].rows][:2] == ["clrface", "unguided"]


def test_only_stochastic_rows_are_run_with_every_seed(planner):
    plan = planner("full")
    assert plan.row_seeds(plan.row("clrface")) == (0, 1, 2) and plan.row_seeds(plan.row("unet")) == (0,)


@pytest.mark.parametrize(
    ("look", "name", "said"),
    [
        ("row", "clrfcae", "Unknown row 'clrfcae'. Did you mean 'clrface'?"),
        ("dataset", "olr", "Unknown test set 'olr'. Did you mean 'orl'?"),
        ("table", "tabel1", "Unknown table 'tabel1'. Did you mean 'table1'?"),
        ("metric", "psrn", "Unknown metric 'psrn'. Did you mean 'psnr'?"),
        ("degradation", "blid", "Unknown degradation 'blid'. Did you mean 'blind'?"),
        ("sweep", "step", "Unknown sweep 'step'. Did you mean 'steps'?"),
        ("source", "dlbi", "Unknown source 'dlbi'. Did you mean 'dlib'?"),
    ],
)
def test_a_wrong_name_gets_the_nearest_one(plan, look, name, said):
    with pytest.raises(UserError) as error:
        getattr(plan, look)(name)
    assert str(error.value).startswith(said)


def test_a_mistake_in_the_config_stops_before_there_is_a_plan(planner):
    with pytest.raises(UserError, match=r"resolutoin: unknown key.*Did you mean 'resolution'"):
        planner(resolutoin=96)


def test_what_is_set_to_null_is_left_out(planner):
    plan = planner(tables={"table1": None}, sweeps={"steps": None})
    assert "table1" not in plan.tables and not plan.sweeps


def test_a_metric_asks_for_a_gpu_where_its_network_runs_on_one(planner):
    plan = planner("paper", device="cuda")
    assert plan.gpus == 1
    asked = {name for name in plan.metrics if measuring.gpus(plan, name)}
    assert asked >= {"lpips_vgg", "fid_ffhq512", "ids_arcface_r50", "deg_arcface_r18", "lmd_fan"}
    assert not asked & {"psnr", "ssim", "niqe_official"}
    assert not any(measuring.gpus(planner("paper"), name) for name in plan.metrics)


def test_a_metric_s_card_says_whether_its_network_follows_the_device():
    for name in metric_cards():
        network = code_of(name).network
        text = (FOLDER / "networks" / f"{network}.py").read_text() if network else ""
        assert code_of(name).on_device == ("states." in text), name
