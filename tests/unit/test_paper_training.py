"""The paper's training config: no mistakes beside the embedded profile, and 128x128 latents of 8,192 codes."""

import pytest

from clrface.config.checks import validate_config
from clrface.config.load import load_config
from clrface.config.schema import Known
from clrface.degrade.recipes import load_recipes
from clrface.fingerprint import ROOT
from clrface.metrics.registry import metric_cards
from clrface.registry import method_cards

CONFIG = load_config([ROOT / "config" / "embedded.yaml", ROOT / "config" / "paper_training.yaml"])
STAGES = CONFIG["training"]["stages"]


def test_the_config_has_no_mistakes() -> None:
    recipes = list(load_recipes(ROOT / "clrface/catalogue/degradations.yaml"))
    protocols = ["embedded", "real_world", "recognition", "ablation"]
    validate_config(CONFIG, Known(method_cards(), protocols, recipes, ["orl", "lfw25", "utkface", "ffhq512"], list(metric_cards())), ROOT)


@pytest.mark.parametrize("latents,factor", [("", 4), ("_f4_short", 4), ("_f8_short", 8), ("_f16_short", 16), ("_codes256_short", 4)])
def test_the_sizes_go_together(latents: str, factor: int) -> None:
    network, prior = STAGES[f"autoencoder{latents}"]["network"], STAGES[f"prior{latents}"]["network"]
    compression = network["patch"] * 2 ** (len(network["channels"]) - 1)
    assert compression == factor and network["codes"] == (256 if "256" in latents else 8192)
    assert CONFIG["resolution"] % (compression * 2 ** (len(prior["channels"]) - 1)) == 0
    assert all(width % network["norm_groups"] == 0 for width in network["channels"])
    assert all(width % prior["norm_groups"] == width % prior["head_dim"] == 0 for width in prior["channels"])


def test_nothing_is_trained_on_grey_faces_alone() -> None:
    assert all(stage["grey_probability"] == 0 for stage in STAGES.values())
    assert not any(stage["network"].get("luminance") for stage in STAGES.values())


def test_codes_of_a_face_are_as_many_as_the_predictor_expects() -> None:
    network = STAGES["codebook_vq"]["network"]
    side = CONFIG["resolution"] // (network["patch"] * 2 ** (len(network["channels"]) - 1))
    assert STAGES["codebook"]["network"]["places"] == side**2
