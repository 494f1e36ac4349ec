"""CLR-Face's weights on disk: what is saved is read back, and nothing that lay there before is read in its place."""

import shutil
from pathlib import Path

import pytest
import torch

from clrface.errors import UserError
from clrface.models import loading
from clrface.models.autoencoder import Autoencoder
from clrface.models.identity import IdentityHead
from clrface.models.loading import load_network, save_network
from clrface.models.mask import LatentMask
from clrface.models.recogniser import SFace
from clrface.models.unet import RestorationUNet, latent_unet
from clrface.restoration.pipeline import CLRFace, Settings

NET = {"channels": (16, 32), "attention_levels": 1, "norm_groups": 8, "head_dim": 16}
CHANNELS = {"f4": (16, 32), "f8_short": (16, 16, 32)}


def networks(latents: str, sources: Path) -> tuple[Autoencoder, RestorationUNet, IdentityHead, torch.nn.Module]:
    """Tiny ones, of random weights."""
    torch.manual_seed(0)
    autoencoder = Autoencoder(channels=CHANNELS[latents], codes=32, norm_groups=8)
    return autoencoder.eval(), RestorationUNet(**NET).eval(), IdentityHead(SFace(sources).channels).eval(), latent_unet(9, 3, **NET).eval()


@pytest.fixture(scope="module")
def own(sources: Path) -> CLRFace:
    return CLRFace(*networks("f4", sources), LatentMask(width=8).eval())


@pytest.fixture(scope="module")
def other(sources: Path) -> CLRFace:
    return CLRFace(*networks("f8_short", sources), None, "f8_short")


def halved(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights as they are after they were saved."""
    return {key: value.half().float() if value.is_floating_point() else value for key, value in network.state_dict().items()}


def equal(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_a_pipeline_of_other_latents_comes_back_from_disk(own: CLRFace, other: CLRFace, tmp_path: Path) -> None:
    other.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"autoencoder_f8_short", "irn", "identity", "prior_f8_short"}
    back = CLRFace.from_pretrained(tmp_path, other.latents)
    assert equal(back.autoencoder, halved(other.autoencoder)) and equal(back.prior, halved(other.prior)) and back.latents == "f8_short"
    restored = back.restore(torch.rand(1, 3, 32, 32), [1], Settings(guidance="none", steps=2))
    assert restored.shape == (1, 3, 32, 32) and restored.isfinite().all()
    with pytest.raises(UserError, match=rf"{tmp_path} holds the latents f8_short, not f4"):
        CLRFace.from_pretrained(tmp_path)
    own.save_pretrained(tmp_path)
    both = [CLRFace.from_pretrained(tmp_path, latents) for latents in ("f4", "f8_short")]
    assert [one.autoencoder.compression for one in both] == [4, 8], "side by side"


def test_a_pipeline_has_a_mask_where_its_latents_have_one(own: CLRFace, tmp_path: Path) -> None:
    parts = own.autoencoder, own.irn, own.identity, own.prior
    for mask, latents in ((None, "f4"), (own.mask, "f8_short")):
        with pytest.raises(ValueError, match=f"latents {latents}"):
            CLRFace(*parts, mask, latents)
    with pytest.raises(UserError, match=r"Unknown latents 'f8_shorts'\. Did you mean 'f8_short'"):
        CLRFace.from_pretrained(tmp_path, "f8_shorts")


def test_a_refiner_from_before_would_hide_the_prior(own: CLRFace, other: CLRFace, tmp_path: Path) -> None:
    save_network(latent_unet(9, 3, **NET), tmp_path / "refiner")
    with pytest.raises(UserError, match=rf"{tmp_path / 'refiner'} .* in the place of the prior .* Save to another folder"):
        own.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["refiner"], "nothing is half written"
    other.save_pretrained(tmp_path)
    assert equal(CLRFace.from_pretrained(tmp_path, "f8_short").prior, halved(other.prior)), "other latents have no refiner"
    shutil.rmtree(tmp_path / "refiner")
    own.save_pretrained(tmp_path)
    assert equal(CLRFace.from_pretrained(tmp_path).prior, halved(own.prior))


def test_weights_are_saved_over_others_without_a_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, index = RestorationUNet(**NET), tmp_path / "diffusion_pytorch_model.safetensors.index.json"
    (tmp_path / "training.json").write_text("{}")
    (tmp_path / "README.md").write_text("mine")
    for size in ("15MB", "100KB", "15MB"):
        monkeypatch.setattr(loading, "SHARD", size)
        for value in network.parameters():
            value.data.add_(0.25)
        save_network(network, tmp_path)
        assert equal(load_network(RestorationUNet, tmp_path), halved(network))
        assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == index.is_file() == (size == "100KB")
    assert (tmp_path / "README.md").is_file() and not (tmp_path / "training.json").exists(), "that record was of other weights"


def test_a_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    save_network(RestorationUNet(**NET), tmp_path)
    shutil.copy(tmp_path / "diffusion_pytorch_model.safetensors", tmp_path / "old.safetensors")
    with pytest.raises(UserError, match=r"old\.safetensors and .*diffusion_pytorch_model\.safetensors both hold .* Remove"):
        load_network(RestorationUNet, tmp_path)
