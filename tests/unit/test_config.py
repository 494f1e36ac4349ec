"""The config: bad input is told in one message, files merge as Snakemake merges them, rows get the right parameters."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from snakemake.utils import update_config

from clrface.api import MethodCard
from clrface.config.checks import validate_config
from clrface.config.json_schema import PAGE, made_page, make_schema, schema_text
from clrface.config.load import leave_out, load_config
from clrface.config.messages import _hint
from clrface.config.parts import default_of
from clrface.config.rows import all_rows, has_truth, rows, table_datasets
from clrface.config.schema import SCHEMA, Known, params_schema
from clrface.config.settings import Config
from clrface.config.stages import Stage
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.metrics.registry import metric_cards
from clrface.registry import method_cards

CLRFACE = {
    "start": "irn",
    "t0": 0.5,
    "solver": "ddim",
    "steps": 50,
    "guidance": "none",
    "guidance_scale": 2.0,
    "guidance_every": 1,
    "target": "head",
    "mask": "learned",
    "residual": 0.0,
    "latents": "f4",
}
ACCEPTS = method_cards()["clrface"].accepts
KNOWN = Known(
    methods={
        "identity": MethodCard("identity", "Degraded input", stochastic=False),
        "oracle": MethodCard("oracle", "Ground truth", stochastic=False, sees_truth=True),
        "unet": MethodCard("unet", "U-Net", stochastic=False, trained_here=True),
        "unet_perceptual": MethodCard("unet_perceptual", "U-Net (perceptual)", stochastic=False, trained_here=True),
        **{name: MethodCard(name, name, stochastic=False) for name in ("nlm", "wiener", "unet_gan", "codebook", "pixel_diffusion")},
        "clrface": MethodCard("clrface", "CLR-Face", stochastic=True, trained_here=True, params=CLRFACE, accepts=ACCEPTS),
        "clrface_parts": MethodCard(
            "clrface_parts", "Part", stochastic=True, part_of="clrface", sees_truth=True, params={"part": "irn", **CLRFACE}
        ),
        "fidelity": MethodCard("fidelity", "Fidelity", stochastic=False, params={"w": 0.5, "upsample": True, "net": "small", "mask": None}),
        "gone": MethodCard("gone", "Gone", stochastic=False, resolution=512, external=True, unable="its weights are gone"),
        "pixels": MethodCard(
            "pixels", "Pixels", stochastic=True, part_of="pixel_diffusion", params={"start": "noise", "total_steps": 250, "steps": 100}
        ),
        "large": MethodCard("large", "Large", stochastic=False, params={"w": 0.5}, resolution=512),
    },
    protocols=["ablation", "embedded", "vqfr", "real_world", "recognition"],
    degradations=["blind", "severe", "mild", "training", "x4", "x8", "x16", "as_is"],
    manifests=["orl", "utkface", "lfw25"],
    metrics=["psnr", "stlpips_alex", "kd_effnet", "idd_dlib"],
)


@pytest.fixture
def config() -> dict[str, Any]:
    return load_config([ROOT / "config" / "embedded.yaml"])


def mistakes(config: dict[str, Any], folder: Path = ROOT) -> list[str]:
    """The message's lines, without the first."""
    with pytest.raises(UserError) as caught:
        validate_config(config, KNOWN, folder)
    head, *lines = str(caught.value).splitlines()
    assert head == "The config has mistakes; nothing was run."
    return [line.removeprefix("  ") for line in lines]


def there() -> Known:
    """The methods, protocols, degradations, manifests and metrics of the project."""
    degradations, protocols = (load_config([ROOT / "clrface/catalogue" / name]) for name in ("degradations.yaml", "protocols.yaml"))
    manifests = [path.stem for path in (ROOT / "clrface/catalogue/manifests").glob("*.csv")]
    return Known(method_cards(), protocols, degradations, manifests, list(metric_cards()))


@pytest.mark.parametrize(
    "files", [["embedded"], ["full"], ["val"], ["parts"], ["tune"], ["gpu"], ["compression"], ["colour"], ["full", "parts", "val"]]
)
def test_shipped_configs_are_valid(files):
    validate_config(load_config([ROOT / "config" / f"{name}.yaml" for name in files]), there())


def test_the_schema_and_the_table_are_made_from_the_declared_settings():
    """Where this fails by intent: python -m clrface.config.json_schema."""
    schema = make_schema(method_cards()["clrface"])
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(schema)
    page = PAGE.read_text(encoding="utf-8")
    assert made_page(page, schema) == page and '| `datasets.<name>.split` | one of test, val; default "test" |' in page


def test_a_shipped_config_is_one_of_the_declared_settings_too():
    """The models take what the schema made of them allows."""
    config = load_config([ROOT / "config" / "embedded.yaml"])
    assert Config.model_validate(config).training.stages.unet.warmup == default_of(Stage, "warmup") == 100
    with pytest.raises(ValidationError, match=r"mask\.options\.sparsity"):
        update_config(config, {"training": {"stages": {"mask": {"options": {"sparsity": -1}}}}})
        Config.model_validate(config)


def test_defaults_are_what_their_cards_accept():
    described = {name: set(card.accepts) for name, card in method_cards().items() if card.accepts}
    assert described["clrface"] == set(method_cards()["clrface"].params) and "clrface_parts" in described
    for name, card in method_cards().items():
        checker = Draft202012Validator(params_schema(card))
        assert not list(checker.iter_errors(card.params)), name


def test_schema_is_valid_and_every_list_of_keys_in_it_is_closed():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert [path for path, part in _objects(schema) if "properties" in part and part.get("additionalProperties") is not False] == []


def test_schema_describes_every_key():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    silent = [
        f"{path}.{key}"
        for path, part in _objects(schema)
        for key, value in part.get("properties", {}).items()
        if "description" not in {**schema["$defs"].get(value.get("$ref", "").removeprefix("#/$defs/"), {}), **value}
    ]
    assert silent == []


def _objects(part: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = [(path, part)] if isinstance(part, dict) and part.get("type") == "object" else []
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return found + [inner for key, value in items for inner in _objects(value, f"{path}.{key}")]


SOLVERS = "ddim, dpm++, unipc, euler, heun"
PARAMS = "start, t0, solver, steps, guidance, guidance_scale, guidance_every, target, mask, residual, latents"
RECIPES = "as_is, blind, mild, severe, training, x16, x4, x8"


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
        ({"tables": {"mine": {"datasets": "all"}}}, f"tables.mine.degradations: missing, expected a list of one of {RECIPES}"),
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
            f"tables.table1.degradations[0]: found 'blid' (string), expected one of {RECIPES}.",
        ),
        (
            {"tables": {"table1": {"degradations": "blind"}}},
            f"tables.table1.degradations: found 'blind' (string), expected a list of one of {RECIPES}",
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
            "tables.table1.methods[0]: found 'clrfase' (string), expected one of identity, oracle, ",
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
            "tables.table5.variants.unmasked: another variant, with other parameters, has this name.",
        ),
        (
            {"tables": {"table5": {"variants": {"x": {"clrface": {"step": 4}}}}}},
            "tables.table5.variants.x.clrface.step: unknown key. Did you mean 'steps'?",
        ),
        ({"tables": {"table5": {"variants": {"unet": {"clrface": {"steps": 4}}}}}}, "tables.table5.variants.unet: a method has this name."),
        ({"variants": {"fidelity": {"clrface": {"steps": 4}}}}, "variants.fidelity: a method has this name. Choose another."),
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
        ({"methods": {"mine": {"folder": "config", "w": 1}}}, "methods.mine.w: unknown key. Allowed: folder."),
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
            "tables.table3: oracle shows the ground truth, and 'lfw25' has none. List this table's",
        ),
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


@pytest.mark.parametrize("weights", ["shipped", "fit", "models", "someone/clr-face"])
def test_weights_may_be_shipped_fitted_a_folder_or_a_hub_id(config, tmp_path, weights):
    (tmp_path / "models").mkdir()
    config["weights"] = weights
    validate_config(config, KNOWN, tmp_path)


def test_folders_of_finished_images_and_of_test_images_need_no_code(config, tmp_path):
    for name in ("restored", "faces"):
        (tmp_path / name).mkdir()
    update_config(config, {"methods": {"mine": {"folder": "restored"}}, "datasets": {"lfw": {"folder": "faces", "align": False}}})
    validate_config(config, KNOWN, tmp_path)
    last = rows(config, KNOWN.methods)[-1]
    assert (last.name, last.label, last.method, last.params, last.folder) == ("mine", "mine", None, {}, Path("restored"))
    assert table_datasets(config, "table1") == ["orl", "lfw"]
    config["tables"]["table1"]["datasets"] = ["lfw"]
    assert table_datasets(config, "table1") == ["lfw"]


def test_rows_resolve_parameters_from_the_card_the_block_the_method_and_the_variant(config):
    config["clrface"] = {"steps": 8, "solver": "heun"}
    config["tables"] = {"table1": config["tables"]["table1"]}  # the others name their rows
    config["methods"] = {"clrface": {"solver": "unipc"}, "fidelity": {"w": 0.7}}
    config["variants"] = {"fast": {"clrface": {"steps": 2, "mask": "ones"}}}
    validate_config(config, KNOWN)
    method, other, variant = rows(config, KNOWN.methods)
    assert method.params == CLRFACE | {"steps": 8, "solver": "unipc"}
    assert other.params == {"w": 0.7, "upsample": True, "net": "small", "mask": None}
    assert variant.params == CLRFACE | {"steps": 2, "solver": "unipc", "mask": "ones"}
    assert (variant.name, variant.method, variant.label) == ("fast", "clrface", "CLR-Face (steps 2, mask ones)")


def test_a_variant_needs_no_row_of_its_method(config):
    config["tables"] = {"table1": config["tables"]["table1"]}  # the others name their rows
    config["methods"] = {"identity": {}}
    config["variants"] = {"fast": {"clrface": {"steps": 2}}}
    validate_config(config, KNOWN)
    assert [row.name for row in rows(config, KNOWN.methods)] == ["identity", "fast"]


def test_a_table_s_own_variants_are_rows_of_that_table_alone(config):
    config["tables"]["table1"] |= {"methods": ["unet"], "variants": {"fast": {"clrface": {"steps": 2}}}}
    validate_config(config, KNOWN)
    assert [row.name for row in rows(config, KNOWN.methods, "table1")] == ["unet", "fast"]
    assert "fast" not in [row.name for row in rows(config, KNOWN.methods)] + [row.name for row in rows(config, KNOWN.methods, "table2")]
    everything = [row.name for row in all_rows(config, KNOWN.methods)]
    assert "fast" in everything and len(everything) == len(set(everything))


def test_a_table_may_choose_its_rows_in_its_own_order(config):
    config["variants"] = {"fast": {"clrface": {"steps": 2}}}
    config["tables"]["table1"]["methods"] = ["fast", "unet"]
    validate_config(config, KNOWN)
    assert [row.name for row in rows(config, KNOWN.methods, "table1")] == ["fast", "unet"]
    assert len(rows(config, KNOWN.methods)) == len(config["methods"]) + 1


def test_all_test_sets_are_those_with_ground_truth(config, tmp_path):
    config["datasets"] |= {"mine": {"folder": str(tmp_path)}, "old": {"folder": str(tmp_path), "reference": "mine"}}
    config["tables"]["table3"]["datasets"] = ["lfw25", "old"]
    validate_config(config, KNOWN)
    assert table_datasets(config, "table1") == ["orl", "mine"] and table_datasets(config, "table3") == ["lfw25", "old"]
    assert [has_truth(config, name) for name in config["datasets"]] == [True, False, True, False]


def test_files_merge_as_snakemake_merges_them(tmp_path, config):
    text = "seeds: [1, 2]\nmethods: {mine: {folder: x}}\nclrface: {steps: 2}\ndatasets: {orl: 3}\nnew: {a: {b: 1}}\n"
    over = tmp_path / "over.yaml"
    over.write_text(text)
    merged = copy.deepcopy(config)
    update_config(merged, load_config([over]))
    assert load_config([ROOT / "config" / "embedded.yaml", over]) == merged
    assert merged["clrface"] == config["clrface"] | {"steps": 2}
    assert (merged["seeds"], list(merged["methods"])) == ([1, 2], [*config["methods"], "mine"])


def test_the_full_config_takes_every_face_with_three_seeds():
    full = load_config([ROOT / "config" / "full.yaml"])
    assert full["datasets"]["orl"] == {"identities": 40, "images_per_identity": 10, "gallery": 4}
    assert full["seeds"] == [0, 1, 2]


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
