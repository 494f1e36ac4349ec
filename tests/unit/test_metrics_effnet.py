"""EfficientNet-Lite0: the weights sit where they belong, so it names what is in an image."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from clrface.errors import UserError
from clrface.images import to_unit
from clrface.metrics.networks.effnet import FEATURES, EffnetLite0

WEIGHTS = "effnet/efficientnet-lite0-57934424.pth"
CATS = {281, 282, 285}
"""ImageNet's tabby, tiger cat and Egyptian cat."""
ESPRESSO = {967}


@pytest.fixture(scope="module")
def network(sources: Path) -> EffnetLite0:
    return EffnetLite0(sources / WEIGHTS)


def middle(image: np.ndarray) -> torch.Tensor:
    """The largest square in the middle, as (1, 3, S, S)."""
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return torch.from_numpy(to_unit(image[top : top + side, left : left + side])[None])


@pytest.mark.parametrize(("name", "classes"), [("chelsea", CATS), ("coffee", ESPRESSO)])
def test_it_knows_a_cat_and_a_coffee(network: EffnetLite0, name: str, classes: set[int]) -> None:
    likely = network.classify(middle(getattr(skimage.data, name)())).softmax(1)[0]
    assert int(likely.argmax()) in classes
    assert sum(float(likely[place]) for place in classes) > 0.8


def test_features_lead_to_the_logits(network: EffnetLite0) -> None:
    image = middle(skimage.data.coffee())
    features = network(image)
    assert features.shape == (1, FEATURES)
    torch.testing.assert_close(network.network.classifier(features), network.classify(image))


def test_features_of_an_image_do_not_depend_on_its_batch(network: EffnetLite0, orl_faces: dict[str, np.ndarray]) -> None:
    faces = to_unit(np.stack(list(orl_faces.values())[:4]))
    alone = np.concatenate([network.features(face[None]) for face in faces])
    np.testing.assert_allclose(network.features(faces), alone, atol=1e-5)


def test_other_weights_are_refused(sources: Path) -> None:
    with pytest.raises(UserError, match="doesn't hold EfficientNet-Lite0"):
        EffnetLite0(sources / "stlpips" / "alex_shift_tolerant.pth")
