"""Claims: the file is read with its mistakes told, and covers what the paper claims."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from clrface.claims import COSTS, SCHEMA, Margin, load_claims
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.metrics.registry import metric_cards
from clrface.tables.costs import Cost
from tests.unit.claims_bench import CARDS, CLAIM, written


def test_a_claim_is_read_with_its_set_and_margin(tmp_path: Path) -> None:
    claims = load_claims(written(tmp_path, margin={"relative": 0.05}), CARDS, ["table1"])
    assert (claims.alpha, claims.resamples, claims.tables) == (0.05, 1000, ("table1",))
    assert claims.claims == (replace(CLAIM, name="one", says="A is better", margin=Margin("relative", 0.05)),)
    assert load_claims(written(tmp_path), CARDS, ["table1"]).claims[0].margin == Margin("absolute", 0.0)


def test_a_claim_may_be_on_several_sets(tmp_path: Path) -> None:
    claims = load_claims(written(tmp_path, metric="seconds", set=["cost"]), CARDS, ["table1"])
    assert [(claim.name, claim.table) for claim in claims.claims] == [("one_cost", "table6")]
    path = written(tmp_path, set=["blind", "severe"])
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(content | {"sets": content["sets"] | {"severe": content["sets"]["blind"] | {"degradation": "severe"}}}))
    claims = load_claims(path, CARDS, ["table1"])
    assert [(claim.name, claim.degradation) for claim in claims.claims] == [("one_blind", "blind"), ("one_severe", "severe")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metrc": "lmd"}, "claims.one.metrc: unknown key. Did you mean 'metric'?"),
        ({"direction": None}, "claims.one.direction: missing, expected one of lower, higher."),
        ({"direction": "lowr"}, "claims.one.direction: found 'lowr' (string), expected one of lower, higher. Did you mean 'lower'?"),
        ({"margin": 0.05}, "claims.one.margin: found 0.05 (number), expected a mapping"),
        ({"margin": {"relatve": 0.05}}, "claims.one.margin.relatve: unknown key. Did you mean 'relative'? Allowed: relative, absolute."),
        ({"margin": {"relative": 0.05, "absolute": 1}}, "claims.one.margin: found {"),
        ({"margin": {"relative": "5 %"}}, "claims.one.margin.relative: found '5 %' (string), expected number"),
        ({"margin": {"absolute": float("nan")}}, "claims.one.margin.absolute: found nan"),
        ({"metric": "lmdd"}, "claims.one.metric: found 'lmdd' (string), expected a metric. Did you mean 'lmd'? Allowed: kd, lmd, psnr."),
        ({"metric": "second", "set": "cost"}, "claims.one.metric: found 'second' (string), expected a metric. Did you mean 'seconds'?"),
        ({"set": "blnd"}, "claims.one.set: found 'blnd' (string), expected one of `sets`. Did you mean 'blind'? Allowed: blind, cost."),
        ({"set": ["blind", "blnd"]}, "claims.one.set: found 'blnd' (string), expected one of `sets`. Did you mean 'blind'?"),
        ({"set": []}, "claims.one.set: found []"),
        ({"set": 5}, "claims.one.set: found 5 (integer)"),
        ({"second": "a"}, "claims.one.second: found 'a', which is `first` too, expected another row."),
    ],
)
def test_a_mistake_is_told_with_its_key_and_the_nearest_word(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError) as error:
        load_claims(written(tmp_path, **changes), CARDS, ["table1"])
    assert expected in str(error.value) and "claims.yaml has mistakes; nothing was run." in str(error.value)


def test_a_set_names_its_table_dataset_and_degradation_or_the_costs_alone(tmp_path: Path) -> None:
    path = written(tmp_path)
    content = yaml.safe_load(path.read_text())
    for place, expected in (
        ({}, "sets.blind.table: missing"),
        ({"table": "table1", "dataset": "orl"}, "sets.blind.degradation: missing"),
        ({"table": "table6", "dataset": "orl"}, "sets.blind.dataset: unknown key"),
    ):
        path.write_text(yaml.safe_dump(content | {"sets": {"blind": place}}))
        with pytest.raises(UserError, match=re.escape(expected)):
            load_claims(path, CARDS, ["table1"])


def test_the_metric_of_a_table_that_is_not_made_may_be_of_the_future(tmp_path: Path) -> None:
    path = written(tmp_path, metric="rank1")
    assert load_claims(path, CARDS, ["table9"]).claims[0].metric == "rank1"


def test_the_shipped_claims_are_valid_and_cover_what_the_paper_claims() -> None:
    claims = load_claims(ROOT / "clrface/catalogue/claims.yaml", metric_cards(), ["table1"])
    said = {claim.name for claim in claims.claims}
    for rival in ("unet", "unet_perceptual", "unet_gan", "codebook", "pixel_diffusion"):
        assert {f"ids_{rival}", f"idd_{rival}", f"lmd_{rival}"} <= said
    for rival in ("unet", "unet_perceptual", "unet_gan", "codebook"):
        assert {f"stlpips_{rival}", f"kd_{rival}", f"fd_{rival}"} <= said
    for claim in claims.claims:
        card = metric_cards().get(claim.metric)
        assert card is None or card.direction == claim.direction, f"{claim.name}: the paper claims to be better, not worse"
    assert set(COSTS) < set(Cost.__dataclass_fields__)


def test_the_schema_is_valid_and_describes_every_key() -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    entry = schema["properties"]["claims"]["additionalProperties"]
    assert entry["additionalProperties"] is False and schema["additionalProperties"] is False
    for part in (schema, entry, entry["properties"]["margin"]):
        assert [key for key, value in part["properties"].items() if "description" not in value] == []
