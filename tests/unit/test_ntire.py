"""NTIRE's challenges: AdaFace from its training's checkpoint, the points' chip, the arithmetic by hand, the command's messages."""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from clrface.api import Score
from clrface.cli import main
from clrface.errors import UserError
from clrface.evaluation.ntire import COLUMNS, IDENTITY, Listed, identity, images_under, measured, read_points
from clrface.images import write_png
from clrface.metrics.networks import adaface, pyiqa_networks
from clrface.metrics.networks.adaface import CHIP_POINTS, IR50, AdaFace, chip, to_chip
from clrface.metrics.registry import load_metric
from clrface.tables.ntire import FID, SetRow, metrics_of, render, summarise, to_csv
from tests.unit import official_weights, quality_weights

FACE = np.array([[205, 108], [250, 104], [228, 132], [208, 152], [250, 150]], float)
"""Eyes, nose and mouth of `astronaut`."""
needs_pyiqa = pytest.mark.skipif(not (find_spec("pyiqa") and find_spec("clip")), reason="pyiqa isn't installed")


# ---- AdaFace


def test_the_network_has_the_official_tensors() -> None:
    """The checkpoint's 700,286,703 bytes are these and a head of 512 x 85,742, each with its momentum, in single precision."""
    with torch.device("meta"):
        network = IR50()
    state = network.state_dict()
    assert state["body.3.shortcut_layer.0.weight"].shape == (128, 64, 1, 1)
    assert state["body.23.res_layer.4.weight"].shape == (512, 512, 3, 3)
    assert state["output_layer.3.weight"].shape == (512, 25088)
    assert "body.0.shortcut_layer.0.weight" not in state and "output_layer.4.weight" not in state
    learnt = sum(value.numel() for value in network.parameters())
    assert 4 * 2 * (learnt + 512 * 85742) == pytest.approx(700_286_703, rel=1e-3)


def test_the_embedding_is_the_network_s_of_the_bgr_chip(official: Path) -> None:
    with official_weights.trainer():
        state = torch.load(official / adaface.WEIGHTS, weights_only=False)["state_dict"]
    network = IR50().eval()
    network.load_state_dict({name[6:]: value for name, value in state.items() if name.startswith("model.")})
    face = skimage.data.astronaut()
    bgr = np.moveaxis(chip(face, FACE)[..., ::-1] / 255.0, -1, 0)
    with torch.no_grad():
        expected = network(torch.from_numpy((bgr[None] - 0.5) / 0.5).float())[0].numpy()
    found = AdaFace(official).embed(face, FACE)
    assert found == pytest.approx(expected, abs=1e-5)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert abs(float(found @ AdaFace(official).embed(255 - face, FACE))) < 0.95


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Command:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    official_weights.save({"state_dict": {}, "callbacks": Command()}, tmp_path / adaface.WEIGHTS)
    with pytest.raises(UserError, match="Can't read the weights"):
        AdaFace(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    path = tmp_path / adaface.WEIGHTS
    path.parent.mkdir()
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(UserError, match=r"Can't read the weights .*adaface_ir50_ms1mv2.ckpt"):
        AdaFace(tmp_path)


def test_points_like_the_chip_s_are_scaled_and_moved_alone() -> None:
    assert to_chip(2 * CHIP_POINTS + 6) == pytest.approx(np.array([[0.5, 0, -3], [0, 0.5, -3]]), abs=1e-4)


def test_points_that_fit_better_mirrored_are_mirrored() -> None:
    assert to_chip(CHIP_POINTS * [-1, 1] + [112, 0]) == pytest.approx(np.array([[-1, 0, 112], [0, 1, 0]]), abs=1e-4)


def test_the_fit_is_the_chip_s_to_the_points() -> None:
    """The inverse of the fit from chip to points, by complex numbers, not the fit from points to chip."""
    z, w = (values[:, 0] + 1j * values[:, 1] for values in (CHIP_POINTS, FACE))
    centred = z - z.mean()
    factor = (centred.conj() @ (w - w.mean())) / (centred.conj() @ centred)
    back = 1 / factor
    assert to_chip(FACE)[:, :2] == pytest.approx(np.array([[back.real, -back.imag], [back.imag, back.real]]))
    assert to_chip(FACE) @ [w.mean().real, w.mean().imag, 1] == pytest.approx([z.mean().real, z.mean().imag])


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (
            [[203.8, 257.6], [307.5, 258.3], [270.8, 320.9], [210.3, 380.3], [295.8, 384.6]],
            [[0.331734338, 0.00932366846, -32.4286185], [-0.00932366846, 0.331734338, -31.9648453]],
        ),
        (  # mirrored by the port's comparison alone
            [
                [243.2313861, 234.68284601],
                [248.65533704, 245.12696571],
                [276.11676919, 332.7586132],
                [235.06964034, 357.41214293],
                [278.92674756, 361.73134747],
            ],
            [[-0.636035504, 0.11038789, 185.289157], [0.11038789, 0.636035504, -151.247303]],
        ),
    ],
)
def test_the_warp_is_that_of_the_challenge_s_code(points: list[list[float]], expected: list[list[float]]) -> None:
    """By AdaFace's face_alignment/mtcnn_pytorch/src/align_trans.py, which NTIRE's scripts call."""
    assert to_chip(np.array(points)) == pytest.approx(np.array(expected), rel=1e-6)


def test_the_chip_is_that_of_the_challenge_s_code() -> None:
    points = np.array([[203.8, 257.6], [307.5, 258.3], [270.8, 320.9], [210.3, 380.3], [295.8, 384.6]])
    assert int(chip(skimage.data.astronaut(), points).sum()) == pytest.approx(4392654, abs=20)


# ---- the list of points, and the images


def write_points(path: Path, sets: Mapping[str, str], points: np.ndarray = FACE) -> Path:
    numbers = ",".join(map(str, points.ravel()))
    path.write_text("\n".join([",".join(COLUMNS), *(f"{name},{dataset},{numbers}" for name, dataset in sets.items())]) + "\n")
    return path


def test_the_list_is_read_by_name_whatever_columns_it_has_beside(tmp_path: Path) -> None:
    path = write_points(tmp_path / "a.csv", {"0001": "CelebA"})
    header, row = path.read_text().splitlines()
    path.write_text(f"x1,{header}\n7,{row}\n")
    (listed,) = read_points(path).values()
    assert listed.dataset == "CelebA" and (listed.points == FACE).all()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text.replace("nose_x", "nose"), "lacks the columns nose_x"),
        (lambda text: text.splitlines()[0], "lists no image"),
        (lambda text: text + text.splitlines()[1] + "\n", "line 3: 'a' is listed twice"),
        (lambda text: text.replace("205.0", "left"), "line 2: found a point that is no number"),
        (lambda text: text.replace("205.0", "nan"), "line 2: found points .* expected five different ones"),
    ],
)
def test_a_bad_list_is_told(edit, said: str, tmp_path: Path) -> None:
    path = write_points(tmp_path / "points.csv", {"a": "CelebA"})
    path.write_text(edit(path.read_text()))
    with pytest.raises(UserError, match=said):
        read_points(path)


def test_images_lie_in_one_folder_or_one_for_each_set(tmp_path: Path) -> None:
    for name in ("CelebA/2.png", "10.png", ".hidden/3.png"):
        write_png(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "notes.txt").touch()
    assert set(images_under(tmp_path)) == {"2", "10"}
    write_png(tmp_path / "LFW/2.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="Two images are named '2'"):
        images_under(tmp_path)


# ---- measuring


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three inputs and outputs: one untouched, one another image, one of another size."""
    face = skimage.data.astronaut()
    for name, output in (("same", face), ("other", 255 - face[:, ::-1]), ("small", face[:256, :256])):
        write_png(tmp_path / "lq" / f"{name}.png", face)
        write_png(tmp_path / "out" / "CelebA" / f"{name}.png", output)
    return tmp_path / "out", tmp_path / "lq"


def test_identity_and_metrics_are_measured_image_by_image(folders: tuple[Path, Path], official: Path) -> None:
    listed = {name: Listed("CelebA", FACE) for name in ("same", "other", "small")}
    scores = measured(("niqe_yiq", FID), *folders, listed, official)
    assert scores[IDENTITY]["same"].value == pytest.approx(1, abs=1e-6)
    assert scores[IDENTITY]["other"].value < 0.9
    assert scores[IDENTITY]["small"].status == "wrong shape: found 256x256 pixels, the input has 512x512"
    assert set(scores["niqe_yiq"]) == set(listed) and list(scores[FID]) == ["*"]
    assert scores[FID]["*"].value > 0


def test_fid_takes_the_first_images_by_name(folders: tuple[Path, Path], official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, lq = folders
    listed = {name: Listed("CelebA", FACE) for name in ("same", "other", "small")}
    monkeypatch.setattr("clrface.evaluation.ntire.MOST_IN_FID", 2)
    first = measured((FID,), out, lq, listed, official)[FID]["*"].value
    for folder in ("out/CelebA", "lq"):
        (out.parent / folder / "small.png").unlink()
    assert first == pytest.approx(measured((FID,), out, lq, {name: listed[name] for name in ("same", "other")}, official)[FID]["*"].value)


def test_missing_and_surplus_outputs_are_named(folders: tuple[Path, Path], official: Path) -> None:
    listed = {name: Listed("CelebA", FACE) for name in ("same", "other", "gone")}
    with pytest.raises(UserError, match=r"missing.*gone.*not expected.*small"):
        measured((), *folders, listed, official)


def test_identity_does_not_depend_on_the_order(folders: tuple[Path, Path], official: Path) -> None:
    out, lq = folders
    network, before, after = AdaFace(official), lq / "other.png", out / "CelebA" / "other.png"
    there, back = identity(network, before, after, FACE), identity(network, after, before, FACE)
    assert there.value == pytest.approx(back.value)


# ---- the arithmetic


def scores_of(values: Mapping[str, Mapping[str, float]], fid: float) -> dict[str, dict[str, Score]]:
    by_metric = {name: {image_id: Score(value) for image_id, value in by_id.items()} for name, by_id in values.items()}
    return by_metric | {FID: {"*": Score(fid)}}


def flat(listed: Mapping[str, Listed], **values: float) -> dict[str, dict[str, float]]:
    return {name: dict.fromkeys(listed, value) for name, value in values.items()}


def test_the_score_by_hand() -> None:
    """Sets of one and three images: NIQE 4 and 6, 8, 7 have the means 4 and 7, weighted 6.25."""
    listed = {name: Listed("CelebA" if name == "a" else "LFW-Test", FACE) for name in "abcd"}
    values = flat(listed, clipiqa=0.7, maniqa=0.6, musiq=75.0, qalign=4.0, **{IDENTITY: 0.8})
    values["niqe_yiq"] = dict(zip("abcd", (4.0, 6.0, 8.0, 7.0), strict=True))
    result = summarise(2025, scores_of(values, 30.0), listed)
    assert [(row.dataset, row.n, row.means["niqe_yiq"]) for row in result.sets] == [("CelebA", 1, 4.0), ("LFW-Test", 3, 7.0)]
    assert result.all.means["niqe_yiq"] == pytest.approx(6.25)
    assert result.score == pytest.approx(0.7 + 0.6 + 0.75 + 0.375 + 0.8 + 0.7)
    assert result.passes and result.all.lost == 0


def test_niqe_and_fid_never_take_away() -> None:
    listed = {"a": Listed("CelebA", FACE)}
    values = flat(listed, niqe_yiq=12.0, clipiqa=0.5, maniqa=0.5, musiq=50.0, **{IDENTITY: 1.0})
    assert summarise(2025, scores_of(values, 180.0), listed).score == pytest.approx(1.5)


def test_more_than_ten_lost_fail() -> None:
    listed = {str(place): Listed("CelebA", FACE) for place in range(20)}
    for lost, passes in ((10, True), (11, False)):
        values = {IDENTITY: {str(place): 0.4 if place < lost else 0.5 for place in range(20)}}
        result = summarise(2025, scores_of(values, 30.0), listed)
        assert (result.all.lost, result.passes) == (lost, passes)


@pytest.mark.parametrize(
    ("dataset", "thresholds"),
    [
        ("CelebA", (0.5, 0.5)),
        ("LFW-Test", (0.6, 0.6)),
        ("CelebChild-Test", (0.6, 0.6)),
        ("Wider-Test", (0.3, 0.2)),
        ("WebPhoto-Test", (0.3, 0.25)),
    ],
)
def test_the_thresholds_of_both_years(dataset: str, thresholds: tuple[float, float]) -> None:
    listed = {name: Listed(dataset, FACE) for name in "ab"}
    for year, threshold in zip((2025, 2026), thresholds, strict=True):
        values = {IDENTITY: {"a": threshold, "b": threshold - 1e-6}}
        assert summarise(year, scores_of(values, 30.0), listed).all.lost == 1


def test_an_image_without_a_value_leaves_no_score_and_is_lost() -> None:
    listed = {name: Listed("CelebA", FACE) for name in "ab"}
    scores = scores_of(flat(listed, niqe_yiq=4.0, **{IDENTITY: 1.0}), 30.0)
    scores["niqe_yiq"]["b"] = scores[IDENTITY]["b"] = Score(float("nan"), "one flat colour")
    result = summarise(2025, scores, listed)
    assert np.isnan(result.score) and result.all.lost == 1
    assert "No score, since b has no value: one flat colour." in render(result)
    assert to_csv(result).splitlines()[-1] == "Score,2,,,0.7,1,"


def test_the_table_has_the_sets_their_mean_and_the_score() -> None:
    listed = {"a": Listed("CelebA", FACE), "b": Listed("Wider-Test", FACE)}
    values = flat(listed, niqe_yiq=4.0, clipiqa=0.7, maniqa=0.6, musiq=75.0) | {IDENTITY: {"a": 0.9, "b": 0.25}}
    result = summarise(2025, scores_of(values, 30.0), listed)
    lines = to_csv(result).splitlines()
    assert lines[0] == "dataset,n,niqe_yiq,clipiqa,maniqa,musiq,id_adaface,fid_ffhq512,lost,score"
    assert lines[1:4] == [
        "CelebA,1,4.0,0.7,0.6,75.0,0.9,,0,",
        "Wider-Test,1,4.0,0.7,0.6,75.0,0.25,,1,",
        "All,2,4.0,0.7,0.6,75.0,0.575,30.0,1,",
    ]
    assert float(lines[4].split(",")[-1]) == pytest.approx(0.6 + 0.7 + 0.6 + 0.75 + 0.7)
    text = render(result)
    assert "identity filter passed: 1 of 2 lost" in text and "Score 3.3500, without Q-Align" in text
    assert result.all == SetRow("All", 2, result.all.means, 1)


def test_q_align_is_measured_only_if_asked_for() -> None:
    assert set(metrics_of(True)) - set(metrics_of(False)) == {"qalign"}


# ---- the command


def command(folders: tuple[Path, Path], points: Path, sources: Path, *more: str) -> int:
    out, lq = folders
    return main(["ntire", "--results", str(out), "--inputs", str(lq), "--points", str(points), "--raw", str(sources), *more])


def test_a_year_and_a_set_that_are_none_are_told(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = write_points(tmp_path / "points.csv", {"same": "CelebB"})
    assert command(folders, points, tmp_path, "--year", "2024") == 2
    assert "Found year 2024, but expected one of 2025, 2026." in capsys.readouterr().err
    assert command(folders, points, tmp_path) == 2
    assert "'CelebB'. Did you mean 'CelebA'?" in capsys.readouterr().err


def test_a_missing_package_is_told_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyiqa", "clip"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "clip_rn50").mkdir()
    (tmp_path / "clip_rn50" / "RN50.pt").touch()
    with pytest.raises(UserError, match=r"clipiqa needs the package 'pyiqa', .* pip install --no-deps 'pyiqa>=0.1.16,<0.2'"):
        load_metric("clipiqa", tmp_path)
    with pytest.raises(UserError, match=r"qalign needs the package 'pyiqa', .*transformers"):
        load_metric("qalign", tmp_path)


@needs_pyiqa
def test_quality_is_pyiqa_s_of_the_same_weights(tmp_path: Path) -> None:
    """MUSIQ by pyiqa's own loading; CLIP-IQA tells two images apart."""
    pyiqa = pyiqa_networks._pyiqa()
    path = tmp_path / "musiq_koniq" / "musiq_koniq_ckpt-e95806b9.pth"
    quality_weights.musiq_file(path)
    quality_weights.clip_file(tmp_path / "clip_rn50" / "RN50.pt")
    image = np.moveaxis(skimage.data.astronaut()[:256, 100:356], -1, 0)[None].astype(np.float32) / 255
    theirs = pyiqa.create_metric("musiq", pretrained_model_path=str(path), device="cpu")
    ours = load_metric("musiq", tmp_path)
    ours.update(image, None)
    assert ours.result()[0].value == pytest.approx(float(theirs(torch.from_numpy(image))), rel=1e-6)  # pyright: ignore
    clip = load_metric("clipiqa", tmp_path)
    clip.update(np.concatenate([image, 1 - image]), None)
    one, other = clip.result()  # pyright: ignore
    assert 0 < one.value < 1 and abs(one.value - other.value) > 1e-4
    assert "pkg_resources" not in sys.modules or find_spec("pkg_resources")


@needs_pyiqa
def test_another_file_is_refused(tmp_path: Path) -> None:
    official_weights.save({"head.weight": torch.zeros(1)}, tmp_path / "musiq_koniq" / "musiq_koniq_ckpt-e95806b9.pth")
    with pytest.raises(UserError, match=r"isn't the file that was expected: the tensor '.*' is missing"):
        load_metric("musiq", tmp_path)
