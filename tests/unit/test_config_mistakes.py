"""Bad input to the config is told in one message, with its path, what is allowed and the nearest name."""

from dataclasses import replace
from typing import Any

import pytest
from snakemake.utils import update_config

from clrface.config.checks import validate_config
from clrface.config.load import leave_out, load_config
from clrface.config.messages import _hint
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from tests.unit.known_parts import KNOWN, mistakes

SOLVERS = "ddim, dpm++, unipc, euler, heun"
PARAMS = "start, t0, solver, steps, guidance, guidance_scale, guidance_every, target, mask, residual, latents"
DEGRADATIONS = "as_is, blind, mild, severe, training, x16, x4, x8"


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        # keys
        ({"clrface": {"step": 4}}, f"clrface.step: unknown key. Did you mean 'steps'? Allowed: {PARAMS}."),
        ({"resolutoin": 64}, "resolutoin: unknown key. Did you mean 'resolution'? Allowed: preset, extends, resolution, "),
        ({"datasets": {"orl": {"identites": 4}}}, "datasets.orl.identites: unknown key. Did you mean 'identities'? Allowed: identities, "),
        ({"tables": {"table1": {"degradation": ["blind"]}}}, "tables.table1.degradation: unknown key. Did you mean 'degradations'?"),
        (
            {"training": {"zzz": 1}},
            "training.zzz: unknown key. Allowed: dataset, generated, degradation, seed, workers, precision, processes, compile, stages.",
        ),
        ({"training": {"stages": {"irm": {}}}}, "training.stages.irm: unknown key. Did you mean 'irn'?"),
        ({"training": {"stages": {"prior": {"network": {"codes": 1}}}}}, "training.stages.prior.network.codes: unknown key. Allowed: "),
        ({"training": {"stages": {"mask": {"options": {"spars": 1}}}}}, "training.stages.mask.options.spars: unknown key. Did you mean "),
        (
            {"training": {"stages": {"unet": {"options": {"identity": 1}}}}},
            "stages.unet.options.identity_share: missing, expected number of at least 0,",
        ),
        ({"methods": {"unet": {"steps": 4}}}, "methods.unet.steps: unknown key. Allowed: none."),
        ({"methods": {"clrface": {"stepz": 4}}}, "methods.clrface.stepz: unknown key. Did you mean 'steps'?"),
        ({"tables": {"mine": {"datasets": "all"}}}, f"tables.mine.degradations: missing, expected a list of one of {DEGRADATIONS}"),
        # values
        ({"resolution": "64px"}, "resolution: found '64px' (string), expected integer of at least 32, at most 1024, a multiple of 16."),
        ({"resolution": 65}, "resolution: found 65 (integer), expected integer of at least 32, at most 1024, a multiple of 16."),
        (
            {"resolution": "64"},
            "resolution: found '64' (string), expected integer of at least 32, at most 1024, a multiple of 16. Write 64.",
        ),
        ({"clrface": {"steps": 8.0}}, "clrface.steps: found 8.0 (number), expected integer of at least 1, at most 500. Write 8."),
        ({"clrface": {"steps": True}}, "clrface.steps: found True (boolean), expected integer"),
        ({"clrface": {"steps": None}}, "clrface.steps: found nothing, expected integer"),
        ({"clrface": {"solver": "ddmi"}}, f"clrface.solver: found 'ddmi' (string), expected one of {SOLVERS}. Did you mean 'ddim'?"),
        ({"clrface": {"t0": 0}}, "clrface.t0: found 0 (integer), expected number above 0, at most 1."),
        ({"clrface": {"t0": float("nan")}}, "clrface.t0: found nan (number), expected number above 0, at most 1."),
        (
            {"clrface": {"guidance_scale": "1e-1"}},
            "clrface.guidance_scale: found '1e-1' (string), expected number of at least 0. Write 0.1.",
        ),
        ({"seeds": []}, "seeds: found [] (list), expected a list of integer of at least 0, with at least 1 of them, "),
        ({"seeds": [0, 0]}, "seeds: found [0, 0] (list), expected a list of integer"),
        ({"seeds": [0, "a"]}, "seeds[1]: found 'a' (string), expected integer of at least 0."),
        ({"seeds": 3}, "seeds: found 3 (integer), expected a list of integer"),
        ({"device": "gpu"}, "device: found 'gpu' (string), expected one of auto, cpu, cuda, mps. Did you mean 'cpu'?"),
        ({"training": {"precision": False}}, "training.precision: found False (boolean), expected one of fp32, bf16."),
        ({"training": {"stages": {"mask": {"network": {"initial": 1}}}}}, "found 1 (integer), expected number above 0, below 1."),
        ({"variants": None}, "variants: found nothing, expected a mapping. Write {} for none."),
        ({"methods": {"unet": None}}, "methods.unet: found nothing, expected a mapping. Write {} for none."),
        ({"methods": {"fidelity": {"w": "a"}}}, "methods.fidelity.w: found 'a' (string), expected number."),
        ({"methods": {"fidelity": {"upsample": 1}}}, "methods.fidelity.upsample: found 1 (integer), expected boolean."),
        # names
        (
            {"protocol": "embeded"},
            "protocol: found 'embeded' (string), expected one of ablation, embedded, real_world, recognition, vqfr. Did you mean ",
        ),
        (
            {"tables": {"table1": {"degradations": ["blid"]}}},
            f"tables.table1.degradations[0]: found 'blid' (string), expected one of {DEGRADATIONS}.",
        ),
        (
            {"tables": {"table1": {"degradations": "blind"}}},
            f"tables.table1.degradations: found 'blind' (string), expected a list of one of {DEGRADATIONS}",
        ),
        (
            {"tables": {"table1": {"datasets": ["olr"]}}},
            "tables.table1.datasets[0]: found 'olr' (string), expected one of orl, lfw25. Did you mean 'orl'?",
        ),
        (
            {"tables": {"table1": {"datasets": "orl"}}},
            "tables.table1.datasets: found 'orl' (string), expected all or a list of one of orl, lfw25,",
        ),
        (
            {"tables": {"table1": {"methods": ["clrfase"]}}},
            "tables.table1.methods[0]: found 'clrfase' (string), expected one of input, ground_truth, ",
        ),
        (
            {"methods": {"clrfase": {}}},
            "methods.clrfase: unknown name. Did you mean 'clrface'? Allowed: clrface, clrface_parts, codebook, fidelity, gone, ",
        ),
        ({"methods": {"mine": {}}}, "For images restored elsewhere: {folder: path}."),
        (
            {"datasets": {"lwf": {}}},
            "datasets.lwf: unknown name. Did you mean 'lfw25'? Allowed: lfw25, orl, utkface. For a test set of your own: {folder: path}.",
        ),
        ({"datasets": {"my/set": {"folder": "config"}}}, "datasets.my/set: not a name, expected a name of letters, digits, '-' and '_'."),
        ({"methods": {7: {"folder": "config"}}}, "methods[7]: not a name"),
        (
            {"training": {"dataset": "utkfaces"}},
            "training.dataset: found 'utkfaces' (string), expected one of lfw25, orl, utkface. Did you mean 'utkface'?",
        ),
        # variants
        ({"variants": {"x": {"clrfase": {"steps": 4}}}}, "variants.x.clrfase: unknown key. Did you mean 'clrface'?"),
        (
            {"variants": {"x": {"clrface": {"guidance": "nil"}}}},
            "variants.x.clrface.guidance: found 'nil' (string), expected one of none, ",
        ),
        ({"variants": {"x": {"clrface": {}}}}, "variants.x.clrface: found {} (mapping), expected a mapping, with at least 1 key."),
        ({"variants": {"x": {}}}, "variants.x: found {} (mapping), expected a mapping, with at least 1 key, with at most 1 key."),
        ({"variants": {"unet": {"clrface": {"steps": 4}}}}, "variants.unet: a method has this name. Choose another."),
        (
            {"variants": {"unmasked": {"clrface": {"steps": 4}}}},
            "tables.table5.variants.unmasked: variants.unmasked has this name with other parameters: {'clrface': {'steps': 4}}.",
        ),
        (
            {"tables": {"table5": {"variants": {"x": {"clrface": {"step": 4}}}}}},
            "tables.table5.variants.x.clrface.step: unknown key. Did you mean 'steps'?",
        ),
        ({"tables": {"table5": {"variants": {"unet": {"clrface": {"steps": 4}}}}}}, "tables.table5.variants.unet: a method has this name."),
        ({"variants": {"fidelity": {"clrface": {"steps": 4}}}}, "variants.fidelity: a method has this name. Choose another."),
        ({"variants": {"oracle": {"clrface": {"steps": 4}}}}, "variants.oracle: a method has this name. Choose another."),
        # sweeps
        ({"sweeps": {"steps": {"grid": {"stepz": [1]}}}}, "sweeps.steps.grid.stepz: unknown key. Did you mean 'steps'?"),
        (
            {"sweeps": {"steps": {"grid": {"steps": 4}}}},
            "sweeps.steps.grid.steps: found 4 (integer), expected a list of integer of at least 1",
        ),
        ({"sweeps": {"steps": {"metrics": ["lpips"]}}}, "sweeps.steps.metrics[0]: found 'lpips' (string), expected one of "),
        (
            {"sweeps": {"steps": {"along": "second"}}},
            "sweeps.steps.along: found 'second' (string), expected a column. Did you mean 'seconds'?",
        ),
        ({"sweeps": {"steps": {"images": 0}}}, "sweeps.steps.images: found 0 (integer), expected integer of at least 1"),
        ({"tables": {"steps": {"datasets": "all", "degradations": ["x4"]}}}, "sweeps.steps: another result's files have this name."),
        ({"datasets": {"orl": {"split": "train"}}}, "datasets.orl.split: found 'train' (string), expected one of test, val."),
        ({"sweeps": {"steps": {"along": "solver"}}}, "sweeps.steps.along: found 'solver' (string), expected a column."),
        (
            {"sweeps": {"table1_chart": load_config([ROOT / "config" / "embedded.yaml"])["sweeps"]["steps"]}},
            "sweeps.table1_chart: another result's files have this name.",
        ),
        ({"tables": {"overview": {"datasets": "all", "degradations": ["x4"]}}}, "tables.overview: another result's files have this name."),
        ({"tables": {"mask": {"datasets": "all", "degradations": ["x4"]}}}, "tables.mask: another result's files have this name."),
        ({"datasets": {"orl": {"offset": 1}}}, "datasets.orl"),
        ({"preset": "scores"}, "preset: another result's files have this name. Choose another."),
        ({"preset": "a/b"}, "preset: found 'a/b' (string), expected a name of letters, digits, '-' and '_'."),
        # folders and weights
        ({"methods": {"mine": {"folder": "no/such"}}}, "methods.mine.folder: found 'no/such' (string), expected a folder that exists."),
        (
            {"methods": {"mine": {"folder": "config", "w": 1}}},
            "methods.mine.w: unknown key. Allowed: folder, label, paper, code, version, licence.",
        ),
        ({"methods": {"unet": {"folder": "config"}}}, "methods.unet.folder: unknown key. Allowed: none."),
        ({"datasets": {"mine": {"folder": "config", "alignn": False}}}, "datasets.mine.alignn: unknown key. Did you mean 'align'?"),
        ({"datasets": {"mine": {"folder": "config", "align": "no"}}}, "datasets.mine.align: found 'no' (string), expected boolean."),
        ({"mirrors": ["no/such"]}, "mirrors[0]: found 'no/such' (string), expected a folder that exists."),
        # test sets without ground truth
        (
            {"datasets": {"lfw25": {"reference": "olr"}}},
            "datasets.lfw25.reference: found 'olr' (string), expected one of orl, lfw25. Did you",
        ),
        (
            {"datasets": {"lfw25": {"reference": "lfw25"}}},
            "datasets.lfw25.reference: 'lfw25' has no ground truth either. Name a set of clean",
        ),
        (
            {"tables": {"table3": {"methods": "all"}}},
            "tables.table3: ground_truth shows the ground truth, and 'lfw25' has none. List this table's",
        ),
        ({"tables": {"table3": {"methods": 5}}}, "tables.table3.methods: found 5 (integer), expected"),
        (
            {"tables": {"table4": {"protocol": "recogniton"}}},
            "tables.table4.protocol: found 'recogniton' (string), expected one of ablation, embedded, ",
        ),
        (
            {"training": {"processes": 4, "stages": {"unet": {"batch": 6}}}},
            "training.stages.unet.batch: found 6, which 4 processes can't share.",
        ),
        ({"datasets": {"orl": {"gallery": 0}}}, "datasets.orl.gallery: found 0 (integer), expected integer of at least 1."),
        # a method of one size
        ({"methods": {"large": {}}}, "methods.large: this method takes images of 512 pixels alone, but resolution is 64. Set `resolution"),
        ({"variants": {"sharp": {"large": {"w": 0.1}}}}, "variants.sharp: this method takes images of 512 pixels alone, but resolution"),
        (
            {"methods": {"gone": {}}},
            "methods.gone: this method takes images of 512 pixels alone, but resolution is 64. At that size it can't",
        ),
        # steps that no sampler can take
        (
            {"variants": {"x": {"clrface": {"steps": 64}}}},
            "variants.x: 64 steps over the last 0.1 of the schedule would be 640 over all of it, expected at most 500. Lower `steps` or",
        ),
        ({"sweeps": {"steps": {"base": {"t0": 0.02}}}}, "sweeps.steps.grid: 16 steps over the last 0.02 of the schedule would be 800"),
        ({"methods": {"pixels": {"total_steps": 80}}}, "methods.pixels: found steps 100 and total_steps 80, expected 1 <= steps <= "),
        ({"weights": "shiped"}, "weights: found 'shiped' (string), expected shipped, fit, a folder that exists, or a Hugging Face id"),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_a_mistake_is_told_with_its_path_what_is_allowed_and_the_nearest_name(config, over, expected):
    update_config(config, over)
    [line] = mistakes(config)
    assert expected in line


def test_null_leaves_out_a_table_a_sweep_or_a_variant_and_no_method(config):
    over = {"tables": {"table2": None, "table5": {"variants": {"unguided": None}}}, "sweeps": {"steps": None}, "methods": {"unet": None}}
    update_config(config, over)
    leave_out(config)
    assert "table2" not in config["tables"] and config["sweeps"] == {}
    assert "unguided" not in config["tables"]["table5"]["variants"] and "unmasked" in config["tables"]["table5"]["variants"]
    assert mistakes(config) == ["methods.unet: found nothing, expected a mapping. Write {} for none."]


def test_a_list_is_suggested_where_one_name_stands(config):
    update_config(config, {"tables": {"table1": {"degradations": "blind", "datasets": "orl"}}})
    assert [line.split(". ")[-1] for line in mistakes(config)] == ["Write [orl].", "Write [blind]."]


def test_missing_keys_are_told(config):
    del config["chunk"], config["training"]["seed"]
    assert mistakes(config) == [
        "training.seed: missing, expected integer of at least 0.",
        "chunk: missing, expected integer of at least 1.",
    ]


def test_all_mistakes_are_told_in_the_order_of_the_config(config):
    update_config(config, {"resolution": 0, "seeds": [0, -1], "methods": {"clrfase": {}}, "clrface": {"step": 1, "solver": "x"}, "more": 1})
    assert [line.split(":")[0] for line in mistakes(config)] == [
        "resolution", "seeds[1]", "methods.clrfase", "clrface.solver", "clrface.step", "more",
    ]  # fmt: skip


def test_a_config_of_another_kind_is_told(config):
    config["tables"] = {"table1": config["tables"]["table1"]}  # the others name their rows
    config["methods"] = ["unet"]
    assert "methods: found ['unet'] (list), expected a mapping, with at least 1 key." in mistakes(config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2", "not valid YAML"),
        ("a: 1\n  b: 2\n", "line 2"),
        ("- a\n- b\n", "holds ['a', 'b'] (list), expected a mapping"),
        ("", "holds nothing, expected a mapping"),
    ],
)
def test_a_file_that_is_no_config_is_told_with_its_name(tmp_path, text, expected):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"mine\.yaml") as caught:
        load_config([path])
    assert expected in str(caught.value)


def test_a_missing_file_is_told_with_its_name(tmp_path):
    with pytest.raises(UserError, match=r"Can't read the config .*none.yaml \(No such file"):
        load_config([tmp_path / "none.yaml"])


def test_a_set_of_the_sources_is_a_test_set_or_training_faces(config):
    known = replace(KNOWN, sets={"celeba_test": "test", "ffhq512": "training"})
    config["datasets"] |= {"celeba_test": {"images": 12, "offset": 1}}
    config["training"]["dataset"] = "ffhq512"
    validate_config(config, known, ROOT)
    config["datasets"] |= {"celeba_test": {"split": "val"}, "ffhq512": {}}
    config["training"]["dataset"] = "celeba_test"
    with pytest.raises(UserError) as caught:
        validate_config(config, known, ROOT)
    found = str(caught.value)
    assert "datasets.celeba_test.split: unknown key" in found and "datasets.ffhq512: unknown name" in found
    assert "training.dataset: found 'celeba_test'" in found


def test_a_number_that_is_out_of_range_is_not_offered_again() -> None:
    schema = {"type": "number", "maximum": 1}
    assert _hint(1.5, schema) == ""
    assert (_hint("1e-1", schema), _hint(8.0, {"type": "integer"})) == (" Write 0.1.", " Write 8.")


def test_an_entry_that_is_no_mapping_is_told(config: dict[str, Any]) -> None:
    assert any(line.startswith("datasets.mine:") for line in mistakes(config | {"datasets": {"mine": 3}}))


def test_a_variant_with_another_mistake_is_not_told_of_its_name(config: dict[str, Any]) -> None:
    """`unmasked` is table5's too; the wrong mask is the one mistake."""
    config["variants"] = {"unmasked": {"clrface": {"mask": "non"}}}
    with pytest.raises(UserError) as caught:
        validate_config(config, KNOWN, ROOT)
    assert "variants.unmasked.clrface.mask: found 'non'" in str(caught.value) and "has this name" not in str(caught.value)
