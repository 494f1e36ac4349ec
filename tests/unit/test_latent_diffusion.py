"""A VQ checkpoint in latent diffusion's layout, of random weights: every key finds its place, and images are the official network's."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from clrface.cli import main
from clrface.errors import UserError
from clrface.models.autoencoder import Autoencoder
from clrface.models.latent_diffusion import import_vq, read_vq
from clrface.models.loading import load_network

Tensors = dict[str, torch.Tensor]
OFFICIAL = {"width": 32, "levels": (1, 2, 4), "blocks": 2, "latent": 3, "codes": 8192}
"""celeba256_vq_f4_dim3_face.pth: ch (128 there), ch_mult, num_res_blocks, embed_dim, n_embed."""


def official_checkpoint(width: int = 32, levels: tuple[int, ...] = (1, 2, 2), blocks: int = 1, latent: int = 3, codes: int = 64) -> Tensors:
    """Random weights under the names that latent diffusion's VQModelInterface gives them."""
    generator, named = torch.Generator().manual_seed(0), {}

    def conv(name: str, inputs: int, outputs: int, size: int = 3) -> None:
        named[f"{name}.weight"] = torch.randn(outputs, inputs, size, size, generator=generator) / math.sqrt(inputs * size**2)
        named[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=generator)

    def norm(name: str, channels: int) -> None:
        named[f"{name}.weight"] = 1 + 0.1 * torch.randn(channels, generator=generator)
        named[f"{name}.bias"] = 0.1 * torch.randn(channels, generator=generator)

    def block(name: str, inputs: int, outputs: int) -> None:
        norm(f"{name}.norm1", inputs)
        conv(f"{name}.conv1", inputs, outputs)
        norm(f"{name}.norm2", outputs)
        conv(f"{name}.conv2", outputs, outputs)
        if inputs != outputs:
            conv(f"{name}.nin_shortcut", inputs, outputs, 1)

    def middle(name: str, channels: int) -> None:
        block(f"{name}.block_1", channels, channels)
        norm(f"{name}.attn_1.norm", channels)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.attn_1.{part}", channels, channels, 1)
        block(f"{name}.block_2", channels, channels)

    channels, last = [width * level for level in levels], len(levels) - 1
    conv("encoder.conv_in", 3, width)
    before = width
    for level, after in enumerate(channels):
        for place in range(blocks):
            block(f"encoder.down.{level}.block.{place}", before if place == 0 else after, after)
        if level != last:
            conv(f"encoder.down.{level}.downsample.conv", after, after)
        before = after
    middle("encoder.mid", before)
    norm("encoder.norm_out", before)
    conv("encoder.conv_out", before, latent)
    conv("decoder.conv_in", latent, before)
    middle("decoder.mid", before)
    for level in reversed(range(len(channels))):
        for place in range(blocks + 1):
            block(f"decoder.up.{level}.block.{place}", before if place == 0 else channels[level], channels[level])
        before = channels[level]
        if level:
            conv(f"decoder.up.{level}.upsample.conv", before, before)
    norm("decoder.norm_out", before)
    conv("decoder.conv_out", before, 3)
    named["quantize.embedding.weight"] = torch.randn(codes, latent, generator=generator)
    conv("quant_conv", latent, latent, 1)
    conv("post_quant_conv", latent, latent, 1)
    return named


class Reference:
    """The official network's forward pass (Esser et al. 2021, Rombach et al. 2022), from the official names alone."""

    def __init__(self, named: Tensors, levels: int, blocks: int):
        self.named, self.levels, self.blocks = named, levels, blocks

    def conv(self, name: str, x: torch.Tensor, **how: int) -> torch.Tensor:
        weight = self.named[f"{name}.weight"]
        return functional.conv2d(x, weight, self.named[f"{name}.bias"], padding=how.pop("padding", weight.shape[-1] // 2), **how)

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return functional.group_norm(x, 32, self.named[f"{name}.weight"], self.named[f"{name}.bias"], eps=1e-6)

    def block(self, name: str, x: torch.Tensor) -> torch.Tensor:
        h = x
        for half in ("1", "2"):
            h = self.conv(f"{name}.conv{half}", functional.silu(self.norm(f"{name}.norm{half}", h)))
        return h + (self.conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in self.named else x)

    def attention(self, name: str, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (self.conv(f"{name}.{part}", self.norm(f"{name}.norm", x)).flatten(2) for part in "qkv")
        weights = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(q.shape[1]), dim=2)
        return x + self.conv(f"{name}.proj_out", (v @ weights.transpose(1, 2)).view_as(x))

    def middle(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.block(f"{name}.block_2", self.attention(f"{name}.attn_1", self.block(f"{name}.block_1", x)))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] to the latents before quantisation."""
        h = self.conv("encoder.conv_in", x)
        for level in range(self.levels):
            for place in range(self.blocks):
                h = self.block(f"encoder.down.{level}.block.{place}", h)
            if level != self.levels - 1:
                h = self.conv(f"encoder.down.{level}.downsample.conv", functional.pad(h, (0, 1, 0, 1)), stride=2, padding=0)
        h = functional.silu(self.norm("encoder.norm_out", self.middle("encoder.mid", h)))
        return self.conv("quant_conv", self.conv("encoder.conv_out", h))

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Latents to (B, 3, H, W), about [-1, 1], through the nearest codes."""
        codes = self.named["quantize.embedding.weight"]
        nearest = torch.cdist(z.movedim(1, -1).flatten(0, 2), codes).argmin(1)
        z = codes[nearest].view(len(z), *z.shape[2:], -1).movedim(-1, 1)
        h = self.middle("decoder.mid", self.conv("decoder.conv_in", self.conv("post_quant_conv", z)))
        for level in reversed(range(self.levels)):
            for place in range(self.blocks + 1):
                h = self.block(f"decoder.up.{level}.block.{place}", h)
            if level:
                h = self.conv(f"decoder.up.{level}.upsample.conv", functional.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv("decoder.conv_out", functional.silu(self.norm("decoder.norm_out", h)))


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.fixture(scope="module")
def small() -> Tensors:
    return official_checkpoint()


def test_the_official_layout_has_a_place_for_every_key(tmp_path: Path) -> None:
    named = official_checkpoint(**OFFICIAL)  # pyright: ignore[reportArgumentType]
    network = read_vq(saved(tmp_path / "celeba256_vq_f4_dim3_face.pth", named))
    assert {key: network.config[key] for key in ("channels", "layers", "patch", "latent_channels", "codes", "mid_attention")} == {
        "channels": [32, 64, 128],
        "layers": 2,
        "patch": 1,
        "latent_channels": 3,
        "codes": 8192,
        "mid_attention": True,
    }
    assert network.compression == 4
    placed = sum(value.numel() for value in network.vq.state_dict().values())
    assert placed == sum(value.numel() for value in named.values())


def test_it_encodes_and_decodes_as_the_official_network(small: Tensors, tmp_path: Path) -> None:
    network, reference = read_vq(saved(tmp_path / "vq.pth", small)), Reference(small, levels=3, blocks=1)
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        latents = reference.encode(2 * x - 1)
        assert latents.std() > 0.1
        assert torch.allclose(network.encode_raw(x), latents, atol=1e-5)
        assert torch.allclose(network.decode_raw(latents)[0], (reference.decode(latents) + 1) / 2, atol=1e-5)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda named: {"state_dict": named | {"loss.discriminator.main.0.weight": torch.zeros(3)}},
        lambda named: {f"module._orig_mod.{key}": value for key, value in named.items()},
        lambda named: (
            {f"first_stage_model.{key}": value for key, value in named.items()} | {"model.diffusion_model.out.0.bias": torch.zeros(2)}
        ),
    ],
    ids=["with its losses", "behind wrappers", "in a whole model"],
)
def test_what_surrounds_the_autoencoder_is_left(small: Tensors, tmp_path: Path, wrap: Callable[[Tensors], object]) -> None:
    plain = read_vq(saved(tmp_path / "plain.pth", small)).state_dict()
    wrapped = read_vq(saved(tmp_path / "wrapped.pth", wrap(small))).state_dict()
    assert plain.keys() == wrapped.keys() and all(torch.equal(value, wrapped[key]) for key, value in plain.items())


def test_a_safetensors_file_is_read_too(small: Tensors, tmp_path: Path) -> None:
    save_file(small, tmp_path / "vq.safetensors")
    assert torch.equal(read_vq(tmp_path / "vq.safetensors").codebook.weight, small["quantize.embedding.weight"])


def test_another_network_s_file_is_refused_in_words(small: Tensors, tmp_path: Path) -> None:
    def refused(content: object, match: str) -> None:
        with pytest.raises(UserError, match=match):
            read_vq(saved(tmp_path / "other.pth", content))

    refused({key: value for key, value in small.items() if "quantize" not in key}, "no codebook")
    refused(small | {"encoder.down.2.attn.0.norm.weight": torch.zeros(64)}, "1 are unexpected")
    refused(small | {"decoder.extra.weight": torch.zeros(64)}, "have a place")
    refused({key: value for key, value in small.items() if key != "decoder.norm_out.bias"}, "1 keys are missing")
    refused(small | {"encoder.conv_in.weight": torch.zeros(32, 1, 3, 3)}, "1 channels in")
    refused(small | {"quantize.embedding.weight": torch.zeros(64)}, "of other dimensions")
    refused(small | {"encoder.conv_out.weight": torch.zeros(())}, "of other dimensions")
    refused(small | {"encoder.down.0.block.0.conv1.weight": torch.zeros(33, 3)}, "as an autoencoder of the shape")
    refused(dict(enumerate(small.values())), "no codebook")
    refused([1, 2], "holds a list")
    refused(Path("x"), "Can't read the weights")
    with pytest.raises(UserError, match="No file at"):
        read_vq(tmp_path / "nothing.pth")
    (tmp_path / "damaged.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="Can't read"):
        read_vq(tmp_path / "damaged.safetensors")


def test_the_command_writes_a_folder_that_loads(small: Tensors, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint, out = saved(tmp_path / "vq.pth", small), tmp_path / "models" / "vq"
    assert main(["import-vq", "--checkpoint", str(checkpoint), "--out", str(out)]) == 0
    assert "start_from" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"config.json", "diffusion_pytorch_model.safetensors"}
    assert json.loads((out / "config.json").read_text())["codes"] == 64
    written, read = load_network(Autoencoder, out).state_dict(), read_vq(checkpoint).state_dict()
    assert all(torch.equal(value, read[key]) for key, value in written.items())
    with pytest.raises(UserError, match="not empty"):
        import_vq(checkpoint, out)
