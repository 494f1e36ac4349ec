"""The studies of CLR-Face on real faces with tiny networks: sweeps, mask maps, their figures."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from clrface.degradation.apply import apply, is_grey
from clrface.degradation.draw import draw, load_degradations
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import to_unit
from clrface.metrics.networks import dlib_landmarks
from clrface.metrics.registry import metric_card
from clrface.models.autoencoder import Autoencoder
from clrface.models.identity import IdentityHead
from clrface.models.loading import load_network
from clrface.models.mask import LatentMask
from clrface.models.recogniser import SFace
from clrface.models.unet import RestorationUNet, latent_unet
from clrface.report.curves import _leave_out_far, _legend, loss_figure, sweep_figure
from clrface.restoration.pipeline import CLRFace, Moment, Settings
from clrface.seeds import generator
from clrface.study import sweep as sweep_module
from clrface.study.mask_maps import PARTS, mask_of, parts_of, write_mask_maps
from clrface.study.overview import shown, watch, write_overview
from clrface.study.sweep import Faces, Sweep, run_sweep

NET = {"channels": (16, 32), "attention_levels": 1, "norm_groups": 8, "head_dim": 16}
SWEEP = Sweep(
    grid={"start": ["irn", "noise"], "solver": ["ddim", "heun"], "steps": [1, 2]},
    base={"guidance": "none"},
    metrics=["psnr", "kd_effnet"],
    seeds=[0, 1],
    base_seed=0,
    n_boot=20,
)


@pytest.fixture(scope="module")
def faces(orl_faces: dict[str, np.ndarray]) -> Faces:
    degradation = load_degradations(ROOT / "clrface/catalogue/degradations.yaml")["blind"]
    ids = sorted(orl_faces)[:6]
    lq = [apply(orl_faces[i], draw(degradation, 64, is_grey(orl_faces[i]), generator(0, "study", i))) for i in ids]
    return Faces("orl", ids, to_unit(np.stack([orl_faces[i] for i in ids])), to_unit(np.stack(lq)))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, sources: Path) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    autoencoder = Autoencoder(channels=(16, 32), codes=32, norm_groups=8)
    irn, head, prior = RestorationUNet(**NET), IdentityHead(SFace(sources).channels), latent_unet(9, 3, **NET)
    CLRFace(autoencoder, irn, head, prior, LatentMask(width=8)).save_pretrained(folder)
    return folder


def test_a_sweep_has_a_row_a_point_with_quality_and_cost(faces: Faces, weights: Path, sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "steps.csv"
    run_sweep(SWEEP, faces, weights, sources, "cpu", out, tmp_path / "cache")
    table = pd.read_csv(out)
    assert table[["start", "solver", "steps"]].to_dict("records") == SWEEP.points()
    heun = table[table["solver"] == "heun"].set_index(["start", "steps"])["evaluations"]
    assert heun[("irn", 2)] == 3 and (table[table["solver"] == "ddim"]["evaluations"] == table[table["solver"] == "ddim"]["steps"]).all()
    assert (table["seconds"] > 0).all() and (table["n"] == 6).all()
    for metric in SWEEP.metrics:
        assert (table[f"{metric}_lo"] <= table[metric]).all() and (table[metric] <= table[f"{metric}_hi"]).all()
    target = tmp_path / "steps.png"
    sweep_figure(out, "evaluations", list(SWEEP.grid), [metric_card(name) for name in SWEEP.metrics], target)
    assert Image.open(target).width > 600 and target.with_suffix(".pdf").is_file()


def test_the_legend_names_each_colour_and_each_dash_once() -> None:
    handles = _legend([(start, solver) for start in ("irn", "noise") for solver in ("ddim", "heun")])
    assert [handle.get_label() for handle in handles] == ["irn", "noise", "ddim", "heun"]
    assert handles[0].get_color() != handles[1].get_color() and handles[2].get_marker() != handles[3].get_marker()
    assert _legend([()]) == [], "a single setting needs none"


def test_a_point_far_off_does_not_make_one_line_of_the_others() -> None:
    points = np.array([[20 + step / 10, 19, 25] for step in range(8)] + [[-60, -61, -59]])
    _, axis = plt.subplots()
    assert _leave_out_far(axis, points) == 1 and axis.get_ylim() == pytest.approx((18.7, 25.3))
    for few in (points[:8], points[:1], np.ones((5, 3)), np.full((2, 3), np.nan), np.vstack([points[:8], np.full((1, 3), np.inf)])):
        assert _leave_out_far(axis, few) == 0
    plt.close()


def test_a_stopped_sweep_goes_on_with_the_next_point(
    faces: Faces, weights: Path, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points: list[Any] = []
    measure = sweep_module._measure

    def counted(sweep: Sweep, point: dict[str, Any], *rest: Any) -> dict[str, Any]:
        if len(points) == 3:
            raise KeyboardInterrupt
        points.append(point)
        return measure(sweep, point, *rest)

    monkeypatch.setattr(sweep_module, "_measure", counted)
    out, quick = tmp_path / "steps.csv", replace(SWEEP, metrics=["psnr"], seeds=[0])
    with pytest.raises(KeyboardInterrupt):
        run_sweep(quick, faces, weights, sources, "cpu", out)
    assert not out.exists() and len(points) == 3
    monkeypatch.setattr(sweep_module, "_measure", lambda sweep, point, *rest: points.append(point) or measure(sweep, point, *rest))
    run_sweep(quick, faces, weights, sources, "cpu", out)
    assert points == quick.points(), "no point twice, none left out"
    assert [path.name for path in tmp_path.iterdir()] == ["steps.csv"]


def test_settings_that_the_sampler_refuses_are_told(faces: Faces, weights: Path, sources: Path, tmp_path: Path) -> None:
    wild = Sweep({"t0": [0.01], "steps": [64]}, {"guidance": "none"}, ["psnr"], [0], 0, 5)
    with pytest.raises(UserError, match="Lower `steps` or raise `t0`"):
        run_sweep(wild, faces, weights, sources, "cpu", tmp_path / "wild.csv")


def test_the_parts_of_a_face_cover_it_once() -> None:
    turn = np.linspace(0, 2 * np.pi, 17, endpoint=False)
    landmarks = np.full((68, 2), 0.5)
    landmarks[:17] = np.stack([0.5 + 0.4 * np.cos(turn), 0.5 + 0.4 * np.sin(turn)], 1)
    for first, last, centre in ((17, 22, (0.3, 0.25)), (36, 42, (0.3, 0.32)), (22, 27, (0.7, 0.25)), (42, 48, (0.7, 0.32))):
        turn = np.linspace(0, 2 * np.pi, last - first, endpoint=False)
        landmarks[first:last] = np.array(centre) + 0.05 * np.stack([np.cos(turn), np.sin(turn)], 1)
    for first, last, centre in ((27, 36, (0.5, 0.5)), (48, 68, (0.5, 0.72))):
        turn = np.linspace(0, 2 * np.pi, last - first, endpoint=False)
        landmarks[first:last] = np.array(centre) + 0.08 * np.stack([np.cos(turn), np.sin(turn)], 1)
    parts = parts_of(landmarks, (64, 64))
    assert tuple(parts) == PARTS
    assert (sum(part.astype(int) for part in parts.values()) == 1).all()
    assert parts["eyes"][20, 19] and parts["mouth"][46, 32] and parts["nose"][32, 32] and parts["background"][2, 2]
    assert parts["rest of face"][8, 32], "the forehead is face"


def test_mask_maps_are_measured_and_drawn(faces: Faces, weights: Path, sources: Path, tmp_path: Path) -> None:
    table, figure = tmp_path / "mask.csv", tmp_path / "mask.png"
    write_mask_maps(faces, weights, sources, "cpu", table, figure)
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["image_id"] for row in rows] == list(faces.ids)
    assert all(float(row[name]) == pytest.approx(0.5, abs=1e-3) for row in rows for name in ("share", *PARTS)), "as it was set up"
    assert Image.open(figure).width > 800


class OnePlace(LatentMask):
    """A mask that is open at one latent."""

    def forward(self, z_y: torch.Tensor, z_irn: torch.Tensor) -> torch.Tensor:
        mask = torch.full_like(z_y[:, :1], 0.01)
        mask[..., 11, 8] = 0.99  # about (34, 46) in pixels: the mouth
        return mask


def test_the_mask_s_means_are_of_the_places_where_it_is(faces: Faces, weights: Path, sources: Path, tmp_path: Path) -> None:
    pipeline = CLRFace.from_pretrained(weights)
    pipeline.mask = OnePlace()
    mask, heat = mask_of(pipeline, faces.degraded[0], "cpu")
    assert mask[11, 8] == pytest.approx(0.99) and np.unravel_index(heat.argmax(), heat.shape) in [
        (y, x) for y in (45, 46) for x in (33, 34)
    ]
    landmarks = dlib_landmarks.landmarks(dlib_landmarks.load(sources), faces.truth[:1])[0]
    means = {name: heat[inside].mean() for name, inside in parts_of(landmarks, heat.shape).items()}
    assert max(means, key=means.__getitem__) == "mouth" and means["background"] < 0.03


def test_a_sweep_of_other_settings_starts_again(
    faces: Faces, weights: Path, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points: list[Any] = []
    measured = {"t_start": 1.0, "evaluations": 1, "seconds": 0.1, "n": 6, "psnr": 1.0, "psnr_lo": 1.0, "psnr_hi": 1.0}
    monkeypatch.setattr(sweep_module, "_measure", lambda sweep, point, *rest: points.append(point) or measured)
    small = replace(SWEEP, grid={"steps": [1, 2]}, metrics=["psnr"])
    for changed in (small, replace(small, code="edited"), replace(small, base={"guidance": "none", "t0": 0.5})):
        done = {"key": sweep_module._key(small, faces, weights), "point": json.dumps({"steps": 1}), "row": measured}
        (tmp_path / "s.csv.points.jsonl").write_text("no json}\n" + json.dumps(done) + "\n" + '{"key": "cut sho')
        points.clear()
        run_sweep(changed, faces, weights, sources, "cpu", tmp_path / "s.csv")
        assert points == ([{"steps": 2}] if changed is small else [{"steps": 1}, {"steps": 2}])


def test_codes_are_the_nearest_and_decode_to_the_same(faces: Faces, weights: Path) -> None:
    autoencoder = load_network(Autoencoder, weights / "decoder")
    truth = torch.from_numpy(faces.truth)
    _, found = autoencoder.codes(truth)
    nearest = torch.cdist(autoencoder.encode_raw(truth).flatten(2).transpose(1, 2), autoencoder.codebook.weight).argmin(-1)
    assert torch.equal(found, nearest)
    torch.testing.assert_close(autoencoder.decode_codes(found), autoencoder(truth)[0], atol=1e-5, rtol=0)


@torch.no_grad()
def test_real_faces_use_much_of_the_shipped_codebook(orl_faces: dict[str, np.ndarray]) -> None:
    """A code that nothing uses is a number for show. Perplexity: as many codes, used evenly, would say as much."""
    autoencoder = load_network(Autoencoder, ROOT / "models/clrface/decoder")
    truth = torch.from_numpy(to_unit(np.stack(list(orl_faces.values()))))
    found = autoencoder.codes(autoencoder.seen(truth))[1].flatten()
    share = torch.bincount(found) / len(found)
    perplexity = float(torch.exp(-torch.special.xlogy(share, share).sum()))
    assert len(found.unique()) > len(found) / 3 and perplexity > 500


def test_losses_are_drawn_and_missing_ones_told(tmp_path: Path) -> None:
    log = tmp_path / "unet.work" / "losses.jsonl"
    with pytest.raises(UserError, match="No losses at"):
        loss_figure({"unet": log}, tmp_path / "losses.png")
    log.parent.mkdir()
    lines = [{"step": step, "l1": 1 / step} for step in range(1, 50)] + [{"step": 49, "val_l1": 0.1}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 50, "cut sho')
    loss_figure({"unet": log}, tmp_path / "losses.png")
    assert Image.open(tmp_path / "losses.png").width > 300
    assert (tmp_path / "losses.pdf").read_bytes().startswith(b"%PDF")


# ---- the overview


def test_watching_a_restoration_changes_nothing(faces: Faces, weights: Path, sources: Path) -> None:
    pipeline, recogniser, settings = CLRFace.from_pretrained(weights), SFace(sources), Settings(steps=3, guidance_every=2)
    y, seen = torch.from_numpy(faces.degraded[:2]), list[Moment]()
    unseen = pipeline.restore(y, [1, 2], settings, recogniser)
    assert torch.equal(pipeline.restore(y, [1, 2], settings, recogniser, observe=seen.append), unseen)
    assert len(seen) == settings.steps
    run = watch(pipeline, y[:1], 1, settings, recogniser)
    assert np.array_equal(run.restored, unseen[0].numpy()), "what is watched is what a table shows"
    assert [look.shift is not None for look in run.looks] == [True, False, True]
    assert [look.number for look in run.looks] == [1, 2, 3] and run.evaluations == 3
    assert run.mask is not None and run.looks[0].shift is not None and run.mask.shape == run.looks[0].shift.shape == (16, 16)
    assert run.looks[2].gradient is not None and run.looks[2].gradient.max() == pytest.approx(1)
    assert np.array_equal(seen[-1].to_image(seen[-1].step.z0_hat)[0].detach().numpy(), run.looks[-1].image)


def test_only_what_is_shown_is_decoded(faces: Faces, weights: Path, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, settings, decoded = CLRFace.from_pretrained(weights), Settings(steps=8, guidance="none"), []
    decode = pipeline.autoencoder.decode
    monkeypatch.setattr(pipeline.autoencoder, "decode", lambda *words, **named: decoded.append(1) or decode(*words, **named))
    pipeline.restore(torch.from_numpy(faces.degraded[:1]), [1], settings, None)
    alone = len(decoded)
    run = watch(pipeline, torch.from_numpy(faces.degraded[:1]), 1, settings, None)
    assert [look.number for look in run.looks] == [1, 4, 8]
    assert len(decoded) - alone == alone + 1 + 3, "what restoring decodes, the start, and three of eight evaluations"


def test_the_evaluations_that_are_shown() -> None:
    assert shown([False] * 8) == [0, 3, 7]
    assert shown([True, False, False, False, True, False, False, False]) == [0, 4, 7], "between, one that was guided"
    assert [shown([True] * count) for count in (1, 2, 3)] == [[0], [0, 1], [0, 1, 2]]


@pytest.mark.parametrize(
    "settings",
    [Settings(), Settings(steps=1), Settings(steps=2, guidance="none"), Settings(start="noise", steps=16, guidance="recognition_free")],
)
def test_the_overview_of_any_settings(settings: Settings, faces: Faces, weights: Path, sources: Path, tmp_path: Path) -> None:
    target = tmp_path / "overview.png"
    write_overview(faces, settings, weights, sources, "cpu", 0, target)
    assert Image.open(target).width > 1000 and sorted(path.name for path in tmp_path.iterdir()) == ["overview.pdf", "overview.png"]


def test_an_overview_of_nobody_is_told(faces: Faces, weights: Path, sources: Path, tmp_path: Path) -> None:
    nobody = Faces("orl", [], faces.truth[:0], faces.degraded[:0])
    with pytest.raises(UserError, match="Found no face to draw"):
        write_overview(nobody, Settings(), weights, sources, "cpu", 0, tmp_path / "overview.png")
