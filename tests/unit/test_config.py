"""The config: shipped files are valid, files merge as Snakemake merges them, rows get the right parameters."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from snakemake.utils import update_config

from clrface.config.checks import validate_config
from clrface.config.json_schema import PAGE, made_page, make_schema, schema_text
from clrface.config.load import load_config
from clrface.config.parts import default_of
from clrface.config.rows import all_rows, has_truth, rows, table_datasets
from clrface.config.schema import SCHEMA, Known, params_schema
from clrface.config.settings import Config
from clrface.config.stages import Stage
from clrface.fingerprint import ROOT
from clrface.metrics.registry import metric_cards
from clrface.registry import method_cards
from tests.unit.known_parts import CLRFACE, KNOWN


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
    config["methods"] = {"input": {}}
    config["variants"] = {"fast": {"clrface": {"steps": 2}}}
    validate_config(config, KNOWN)
    assert [row.name for row in rows(config, KNOWN.methods)] == ["input", "fast"]


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
