"""Training on real faces with tiny networks: every stage runs and learns, a killed run goes on exactly, weights come back."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from diffusers.models.resnet import ResnetBlock2D
from filelock import FileLock
from safetensors.torch import load_file

from clrface.errors import UserError
from clrface.images import to_unit
from clrface.models.autoencoder import Autoencoder
from clrface.models.loading import load_network, save_network
from clrface.models.recogniser import SFace
from clrface.models.unet import RestorationUNet
from clrface.restoration.estimate import decoding, estimate
from clrface.restoration.pipeline import CLRFace, Settings
from clrface.trained import seen
from clrface.training import latents as kept_latents
from clrface.training.data import Pairs, Steps, faces_digest, loader
from clrface.training.loop import Run, schedule
from clrface.training.prior import PriorStage
from clrface.training.run import STAGES, train_stage
from tests.unit.tiny_stages import DEGRADATION, TINY, UNET, VQ, Killed, losses, place, run, work


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, faces: np.ndarray, sources: Path) -> Path:
    """Every stage, one after the other, tiny."""
    out = tmp_path_factory.mktemp("trained")
    for spec in TINY.values():
        run(spec, out, faces, sources)
    return out


def test_every_stage_leaves_weights_logs_and_a_sheet(trained: Path) -> None:
    for name, spec in TINY.items():
        assert {path.name for path in place(trained, name).iterdir()} == {
            "config.json",
            "diffusion_pytorch_model.safetensors",
            "training.json",
        }
        record = json.loads((place(trained, name) / "training.json").read_text())
        assert record["steps"] == spec.steps and record["faces"] == 12 and record["processor_s"] > 0
        assert (record["resolution"], record["template"]) == (64, "utkface")
        logged = losses(trained, spec)
        assert [line["step"] for line in logged] == list(range(1, spec.steps + 1))
        assert all(np.isfinite(list(line.values())).all() for line in logged)
        assert (work(trained, name) / "sheet_final.png").is_file()
        assert list((work(trained, name) / "tensorboard").iterdir())


@pytest.mark.parametrize("name", ["unet", "autoencoder"])
def test_a_killed_run_goes_on_with_the_losses_of_an_unbroken_one(
    name: str, faces: np.ndarray, sources: Path, tmp_path: Path, trained: Path
) -> None:
    with pytest.raises(Killed):
        run(TINY[name], tmp_path, faces, sources, kill_at=4)
    with (work(tmp_path, name) / "losses.jsonl").open("a", encoding="utf-8") as log:
        log.write("no json}\n")
    checkpoint = torch.load(work(tmp_path, name) / "checkpoint.pt", weights_only=True)
    assert run(TINY[name], tmp_path, faces, sources) == losses(trained, TINY[name])
    record = json.loads((place(tmp_path, name) / "training.json").read_text())
    assert record["processor_s"] > checkpoint["processor_s"] > 0, "both calls count"
    weights = "diffusion_pytorch_model.safetensors"
    assert load_file(place(trained, name) / weights).popitem()[1].dtype == torch.float16
    assert (place(tmp_path, name) / weights).read_bytes() == (place(trained, name) / weights).read_bytes()


def test_a_checkpoint_of_another_run_is_put_aside(faces: np.ndarray, sources: Path, tmp_path: Path, trained: Path) -> None:
    with pytest.raises(Killed):
        run(replace(TINY["unet"], learning_rate=5e-3), tmp_path, faces, sources, kill_at=4)
    assert run(TINY["unet"], tmp_path, faces, sources) == losses(trained, TINY["unet"])
    assert (work(tmp_path, "unet") / "checkpoint.other.pt").is_file()
    assert (work(tmp_path, "unet") / "losses.other.jsonl").read_text().count("step") > 0, "its losses too"
    torch.save([1.5], work(tmp_path, "unet") / "checkpoint.pt")
    assert run(TINY["unet"], tmp_path, faces, sources) == losses(trained, TINY["unet"]), "nor is one of something else taken"


def test_a_damaged_checkpoint_is_named(faces: np.ndarray, sources: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(TINY["unet"], tmp_path, faces, sources, kill_at=4)
    checkpoint = work(tmp_path, "unet") / "checkpoint.pt"
    whole = checkpoint.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\0" * 100):
        checkpoint.write_bytes(damaged)
        with pytest.raises(UserError, match=r"Can't read the checkpoint .*checkpoint\.pt \(.*\)\. It is damaged"):
            run(TINY["unet"], tmp_path, faces, sources)


def test_a_stage_trained_again_starts_again(faces: np.ndarray, sources: Path, tmp_path: Path, trained: Path) -> None:
    run(TINY["unet"], tmp_path, faces, sources)
    other = replace(TINY["unet"], learning_rate=1e-4)
    again = run(other, tmp_path, faces, sources)
    assert len(again) == other.steps and again != losses(trained, TINY["unet"])


def test_one_process_at_a_time_trains_a_stage(faces: np.ndarray, sources: Path, tmp_path: Path) -> None:
    work(tmp_path, "unet").mkdir(parents=True)
    with FileLock(work(tmp_path, "unet") / ".lock"), pytest.raises(UserError, match="Another process trains"):
        run(TINY["unet"], tmp_path, faces, sources)


def test_a_loss_that_is_not_finite_stops_the_run(faces: np.ndarray, sources: Path, tmp_path: Path) -> None:
    wild = replace(TINY["unet"], learning_rate=1e12, steps=20, warmup=0)
    with pytest.raises(UserError, match=r"Lower its learning rate in the config.*starts again; this run's checkpoint and losses are kept"):
        run(wild, tmp_path, faces, sources)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_training_on_a_device_that_is_not_there_is_refused(tmp_path: Path, sources: Path) -> None:
    rest = {"degradation": DEGRADATION, "seed": 0, "workers": 0, "precision": "fp32"}
    with pytest.raises(UserError, match=r"Device 'cuda' is not there\. Available: cpu"):
        train_stage(TINY["unet"], [], sources, tmp_path, tmp_path / "out", device="cuda", **rest)


def test_the_learning_rate_warms_up_and_comes_down() -> None:
    spec = replace(TINY["unet"], steps=1000, warmup=100)
    assert schedule(0, spec) == pytest.approx(0.01) and schedule(300, spec) == 1
    assert schedule(999, spec) == pytest.approx(0.05, abs=1e-3)


def test_the_pipeline_comes_back_from_disk(trained: Path, tmp_path: Path, faces: np.ndarray, sources: Path) -> None:
    first = CLRFace.from_pretrained(trained / "clrface")
    first.save_pretrained(tmp_path)
    second = CLRFace.from_pretrained(tmp_path)
    lq, recogniser = torch.from_numpy(to_unit(faces[:2])), SFace(sources)
    for guidance in ("none", "recognition", "recognition_free"):
        settings = Settings(guidance=guidance, steps=2)
        a, b = (pipeline.restore(lq, [1, 2], settings, recogniser) for pipeline in (first, second))
        assert torch.equal(a, b) and a.shape == lq.shape and a.min() >= 0 and a.max() <= 1


def test_other_latents_have_their_own_autoencoder_and_prior_and_no_mask(trained: Path, faces: np.ndarray, sources: Path) -> None:
    own, other = (CLRFace.from_pretrained(trained / "clrface", latents) for latents in ("f4", "f8_short"))
    assert (own.autoencoder.compression, other.autoencoder.compression) == (4, 8)
    lq, recogniser = torch.from_numpy(to_unit(faces[:2])), SFace(sources)
    restored = other.restore(lq, [1, 2], Settings(latents="f8_short", mask="ones", steps=2), recogniser)
    assert restored.shape == lq.shape and not torch.equal(restored, own.restore(lq, [1, 2], Settings(mask="ones", steps=2), recogniser))
    with pytest.raises(UserError, match="no learned mask"):
        other.restore(lq, [1, 2], Settings(latents="f8_short", steps=2), recogniser)
    with pytest.raises(UserError, match=f"multiples of {8 * 2 ** (len(UNET['channels']) - 1)}"):
        other.restore(lq[..., :40], [1, 2], Settings(latents="f8_short", guidance="none"))


def test_a_random_mask_is_the_learned_one_s_values_elsewhere(trained: Path, faces: np.ndarray) -> None:
    pipeline = CLRFace.from_pretrained(trained / "clrface")
    known = estimate(pipeline.autoencoder, pipeline.irn, torch.from_numpy(to_unit(faces[:2])))
    learned, drawn = (pipeline.latent_mask(known, kind, [5, 6]) for kind in ("learned", "random"))
    assert torch.equal(learned.flatten(1).sort(1).values, drawn.flatten(1).sort(1).values) and not torch.equal(learned, drawn)
    assert torch.equal(drawn, pipeline.latent_mask(known, "random", [5, 6]))
    assert not torch.equal(drawn[1:], pipeline.latent_mask(known, "random", [5, 7])[1:])


def test_a_stage_starts_from_the_stage_that_it_names(trained: Path, sources: Path) -> None:
    models = place(trained, "irn").parent
    stage = STAGES["irn"](TINY["irn"], sources, models, torch.device("cpu"))
    unet = load_network(RestorationUNet, place(trained, "unet")).state_dict()
    assert all(torch.equal(value, unet[key]) for key, value in stage.main.state_dict().items())


@pytest.mark.parametrize(
    ("network", "said"),
    [({"channels": [16, 48]}, r"`channels` is \[16, 32\]; .* has \[16, 48\]"), ({"head_dim": 8}, "`head_dim` is 16; .* has 8")],
    ids=["other shapes", "the same shapes"],
)
@pytest.mark.parametrize("by_folder", [False, True], ids=["stage", "folder"])
def test_a_stage_does_not_start_from_another_network(
    trained: Path, sources: Path, network: dict[str, object], said: str, by_folder: bool
) -> None:
    options = TINY["irn"].options | ({"start_from": str(place(trained, "unet"))} if by_folder else {})
    spec = replace(TINY["irn"], network=UNET | network, options=options)
    with pytest.raises(
        UserError, match=rf"Stage irn starts from {place(trained, 'unet')}, whose {said}\. Give .* or leave `start_from` out"
    ):
        STAGES["irn"](spec, sources, place(trained, "irn").parent, torch.device("cpu"))


def test_a_network_that_learns_colours_may_start_from_one_that_does_not(trained: Path, sources: Path) -> None:
    spec = replace(TINY["irn"], network=UNET | {"colours_grey": True})
    stage = STAGES["irn"](spec, sources, place(trained, "irn").parent, torch.device("cpu"))
    assert stage.main.config["colours_grey"]


def test_the_decoder_learns_on_while_its_latents_stay(trained: Path, faces: np.ndarray) -> None:
    before, after = (load_network(Autoencoder, place(trained, stage)) for stage in ("autoencoder", "decoder"))
    x = torch.from_numpy(to_unit(faces[:2]))
    assert torch.equal(before.encode(x), after.encode(x)) and torch.equal(before.codebook.weight, after.codebook.weight)
    assert not torch.equal(before.decode(before.encode(x)), after.decode(after.encode(x)))


def test_the_prior_sees_each_pair_at_a_near_and_at_any_time(trained: Path, sources: Path, faces: np.ndarray) -> None:
    stage = STAGES["prior"](TINY["prior"], sources, place(trained, "prior").parent, torch.device("cpu"))
    stage.call = stage.networks()
    seen: list[torch.Tensor] = []
    stage.main.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    batch = next(iter(loader(Pairs(np.repeat(faces, 8, 0), DEGRADATION, seed=0), Steps(0, 1, 32), workers=0)))
    loss, scalars = stage.loss("main", batch, 0)
    anywhere, near = seen[0].chunk(2)
    assert near.max() < 400 <= anywhere.max() and len(near) == 32
    assert loss is not None and loss.item() == pytest.approx((scalars["all"] + scalars["near"]) / 2, rel=1e-5)


@pytest.mark.parametrize("name", ["unet", "autoencoder", "decoder", "prior", "mask", "pixel_diffusion", "codebook"])
def test_layers_computed_again_give_the_same_gradients(name: str, trained: Path, sources: Path, faces: np.ndarray) -> None:
    batch = next(iter(loader(Pairs(faces, DEGRADATION, seed=0, grey_probability=1.0), Steps(0, 1, 2), workers=0)))

    def gradients(gradient_checkpointing: bool) -> tuple[list[torch.Tensor], int]:
        torch.manual_seed(0)
        spec = replace(TINY[name], gradient_checkpointing=gradient_checkpointing)
        stage = STAGES[name](spec, sources, place(trained, name).parent, torch.device("cpu"))
        Run(stage, spec, Accelerator(cpu=True), trained / "none", "key")
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        for network in stage.differentiated():
            for part in network.modules():
                if isinstance(part, ResnetBlock2D):
                    part.register_forward_pre_hook(count)  # the second time it may end before its end
        loss, _ = stage.loss("main", batch, spec.steps)
        assert loss is not None
        loss.backward()
        return [value.grad for value in stage.main.parameters() if value.grad is not None], calls

    (plain, once), (again, more) = gradients(False), gradients(True)
    assert more > once > 0, "the inner layers are computed again"
    assert plain and all(torch.allclose(a, b, atol=1e-7) for a, b in zip(plain, again, strict=True))


def test_a_stage_without_such_layers_says_so(trained: Path, faces: np.ndarray, sources: Path) -> None:
    with pytest.raises(UserError, match="identity has no network"):
        run(replace(TINY["identity"], gradient_checkpointing=True), trained, faces, sources)


CACHED = replace(TINY["prior"], options={"near_t0": 0.4, "cache_latents": True}, checkpoint_every=2, sample_every=1000)


@pytest.fixture
def alone(trained: Path, tmp_path: Path) -> Path:
    """The prior's predecessors in a folder of the test's own."""
    for stage in ("autoencoder", "irn"):
        shutil.copytree(place(trained, stage), place(tmp_path, stage))
    return tmp_path


def test_kept_latents_give_the_losses_of_fresh_ones(alone: Path, faces: np.ndarray, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run(CACHED, alone, faces, sources)
    [folder] = (work(alone, "prior") / "latents").iterdir()
    written = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(written) == {"00000.safetensors"}
    assert load_file(folder / "00000.safetensors")["latents"].shape == (len(faces), 4, 3, 16, 16), "mirrored and not, grey and not"

    again = run(CACHED, alone, faces, sources)
    assert again == kept and {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == written, "reused"

    from_kept = PriorStage.loss

    def fresh(self: PriorStage, turn: str, batch: dict[str, torch.Tensor], step: int) -> object:
        return from_kept(self, turn, {key: value for key, value in batch.items() if key != "latent"}, step)

    monkeypatch.setattr(PriorStage, "loss", fresh)
    for a, b in zip(kept, run(CACHED, alone, faces, sources), strict=True):
        assert a == pytest.approx(b, rel=2e-3), "the same images encoded at every step; half precision apart"


def test_another_autoencoder_has_its_latents_made_again(
    alone: Path, faces: np.ndarray, sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(CACHED, alone, faces, sources)
    [before] = (work(alone, "prior") / "latents").iterdir()
    network = load_network(Autoencoder, place(alone, "autoencoder"))
    network.vq.quant_conv.weight.data *= 1.5
    save_network(network, place(alone, "autoencoder"))
    run(CACHED, alone, faces, sources)
    [after] = (work(alone, "prior") / "latents").iterdir()
    assert before.name != after.name and "another autoencoder" in capsys.readouterr().err


def test_keeping_latents_goes_on_where_it_stopped_and_is_shared_out(
    alone: Path, faces: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_latents, "SHARD_FACES", 5)
    weights = place(alone, "autoencoder")
    autoencoder, digest = load_network(Autoencoder, weights), faces_digest(faces)
    shown = kept_latents.looks(0.0, DEGRADATION)
    assert shown == [(False, False), (True, False)]
    for rank in (1, 0):
        cache = kept_latents.keep_latents(autoencoder, weights, faces, digest, shown, tmp_path / "kept", rank, world=2)
        there = sorted(path.name for path in cache.folder.iterdir())
        assert there == (["00001.safetensors"] if rank else [f"0000{index}.safetensors" for index in range(3)])
    (cache.folder / "00001.safetensors").unlink()
    first = (cache.folder / "00000.safetensors").stat().st_mtime_ns
    kept_latents.keep_latents(autoencoder, weights, faces, digest, shown, tmp_path / "kept")
    assert (cache.folder / "00000.safetensors").stat().st_mtime_ns == first
    x = torch.from_numpy(to_unit(faces[7][:, ::-1].copy()))[None]
    assert torch.allclose(cache.read(7, flipped=True, grey=False), autoencoder.encode(x)[0], atol=5e-3)


def test_an_autoencoder_of_other_latents_starts_from_the_trunk_of_one(trained: Path, sources: Path) -> None:
    network = TINY["autoencoder"].network | {"latent_channels": 8, "code_channels": 4}
    options = VQ | {"trunk_from": str(place(trained, "autoencoder"))}
    spec = replace(TINY["autoencoder"], network=network, options=options)
    stage = STAGES["autoencoder"](spec, sources, trained / "clrface", torch.device("cpu"))
    before = load_network(Autoencoder, place(trained, "autoencoder")).state_dict()
    after = stage.main.state_dict()
    same = [key for key in after if key in before and torch.equal(before[key], after[key])]
    assert "vq.decoder.conv_out.weight" in same and "vq.encoder.conv_in.weight" in same
    assert after["vq.quantize.embedding.weight"].shape == (32, 4), "half of a position's eight channels take a code each"


def test_an_autoencoder_starts_from_a_folder_and_keeps_its_codes(trained: Path, faces: np.ndarray, sources: Path, tmp_path: Path) -> None:
    start = load_network(Autoencoder, place(trained, "autoencoder"))
    start.latent_std.mul_(7)
    save_network(start, tmp_path / "start")
    (tmp_path / "start" / "training.json").write_text((place(trained, "autoencoder") / "training.json").read_text())
    spec = replace(TINY["autoencoder"], steps=0, options=VQ | {"start_from": str(tmp_path / "start")})
    run(spec, tmp_path, faces, sources)
    taken = load_network(Autoencoder, place(tmp_path, "autoencoder"))
    assert torch.equal(taken.codebook.weight, start.codebook.weight), "as it was"
    assert (taken.latent_std < start.latent_std / 2).all(), "measured"
    run(replace(spec, steps=2), tmp_path, faces, sources)
    record = json.loads((place(tmp_path, "autoencoder") / "training.json").read_text())
    assert seen(record).steps == 2 + TINY["autoencoder"].steps, "what it started from counts"
    trained_on = load_network(Autoencoder, place(tmp_path, "autoencoder"))
    assert 0 < (trained_on.codebook.weight - start.codebook.weight).abs().mean() < start.codebook.weight.std() / 10
    with pytest.raises(UserError, match="whose `codes` is 32; the config's network has 64"):
        run(replace(spec, network=spec.network | {"codes": 64}), tmp_path, faces, sources)


def test_guidance_towards_other_faces_is_not_guidance_towards_the_irn(trained: Path, faces: np.ndarray, sources: Path) -> None:
    pipeline, recogniser = CLRFace.from_pretrained(trained / "clrface"), SFace(sources)
    lq, truth = torch.from_numpy(to_unit(faces[:3])), torch.from_numpy(to_unit(faces[3:6]))
    settings = Settings(steps=2, guidance_every=1)
    own = pipeline.restore(lq, [1, 2, 3], settings, recogniser)
    other = pipeline.restore(lq, [1, 2, 3], settings, recogniser, target=truth)
    assert not torch.equal(own, other)
    alone = pipeline.restore(lq[2:], [3], settings, recogniser, target=truth[2:])
    assert (alone - other[2:]).abs().max() < 0.02 < (own - other)[2].abs().max(), "a target goes with its image, whatever the batch"


def test_with_all_of_the_residual_the_irn_s_latent_gives_the_irn_s_output(trained: Path, faces: np.ndarray) -> None:
    pipeline, lq = CLRFace.from_pretrained(trained / "clrface"), torch.from_numpy(to_unit(faces[:2]))
    known = estimate(pipeline.autoencoder, pipeline.irn, lq)
    assert torch.allclose(decoding(pipeline.autoencoder, known, 1.0)(known.z_irn), known.x_irn, atol=1e-5)
    plain, half = (decoding(pipeline.autoencoder, known, share)(known.z_irn) for share in (0.0, 0.5))
    assert torch.equal(plain, pipeline.autoencoder.decode(known.z_irn))
    assert torch.allclose(half, (plain + known.x_irn) / 2, atol=1e-5)


def test_weights_of_another_shape_are_refused(trained: Path, tmp_path: Path) -> None:
    RestorationUNet(**(UNET | {"channels": [16, 48]})).save_pretrained(tmp_path / "unet")
    (tmp_path / "unet" / "config.json").write_bytes((place(trained, "unet") / "config.json").read_bytes())
    with pytest.raises(UserError, match=r"has the shape \(48"):
        load_network(RestorationUNet, tmp_path / "unet")
    with pytest.raises(UserError, match="No weights in"):
        load_network(RestorationUNet, tmp_path / "nothing")


def test_the_autoencoder_compresses_by_four_and_its_latents_are_scaled(trained: Path, faces: np.ndarray) -> None:
    autoencoder = load_network(Autoencoder, place(trained, "autoencoder"))
    z = autoencoder.encode(torch.from_numpy(to_unit(faces)))
    assert autoencoder.compression == 4 and z.shape == (len(faces), 3, 16, 16)
    assert z.mean().abs() < 0.3 and 0.7 < z.std() < 1.3
    assert autoencoder.decode(z).shape == (len(faces), 3, 64, 64)
