"""The paper's training config: no mistakes over the paper's preset, and 128x128 latents of 8,192 codes."""

import copy

import pytest

from clrface.config.checks import validate_config
from clrface.config.load import leave_out, load_config
from clrface.fingerprint import ROOT
from clrface.project import read_project

CONFIG = load_config([ROOT / "config" / "paper_training.yaml"])
STAGES = CONFIG["training"]["stages"]


def test_the_config_has_no_mistakes() -> None:
    config = copy.deepcopy(CONFIG)
    leave_out(config)
    validate_config(config, read_project().known, ROOT)


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
