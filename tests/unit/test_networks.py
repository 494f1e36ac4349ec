"""Networks that no training is needed for: codes by hand, the recogniser on real people."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clrface.images import to_unit
from clrface.models.autoencoder import Autoencoder
from clrface.models.recogniser import SFace


def test_two_codes_a_position_stand_for_every_pair_of_codes() -> None:
    torch.manual_seed(0)
    network = Autoencoder((16, 32), codes=16, latent_channels=8, code_channels=4, norm_groups=8).eval()
    network.codebook.weight.data.normal_()
    x = torch.rand(2, 3, 32, 32)
    quantised, places = network.codes(x)
    assert quantised.shape == (2, 8, 8, 8) and places.shape == (2, 8 * 8 * 2)
    halves = network.encode_raw(x).movedim(1, -1).reshape(2, -1, 4)
    assert torch.equal(torch.cdist(halves, network.codebook.weight).argmin(-1), places)
    assert torch.allclose(network.decode_codes(places), network.decode(network.encode(x)), atol=1e-5)
    with pytest.raises(ValueError, match="multiple of code_channels"):
        Autoencoder(latent_channels=6, code_channels=4)


def test_sface_knows_people(orl_faces: dict[str, np.ndarray], sources: Path) -> None:
    people = [image_id.split("_")[0] for image_id in orl_faces]
    embeddings = SFace(sources)(torch.from_numpy(to_unit(np.stack(list(orl_faces.values())))))
    cosines = embeddings @ embeddings.T
    same = np.array([[a == b for a in people] for b in people])
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(len(people)), atol=1e-5)
    assert cosines[same & ~np.eye(len(people), dtype=bool)].min() > 0.35 > cosines[~same].mean()
