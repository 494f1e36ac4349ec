"""Degradations: the degradations' draws, their arithmetic against a plain OpenCV reference, and that bytes repeat."""

import csv
import hashlib
import json
import platform
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from clrface.degradation.apply import add_noise, apply, gaussian_kernel, grey, is_grey, jitter, jpeg
from clrface.degradation.chunk import degrade_chunk
from clrface.degradation.draw import Draws, draw, get_degradation, load_degradations
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import read_rgb

RECIPES = load_degradations(ROOT / "clrface/catalogue/degradations.yaml")


def reference(rgb: np.ndarray, draws: Draws) -> np.ndarray:
    """The field's chain, step by step, on BGR floats as its scripts do it."""
    size = rgb.shape[0]
    image = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR).astype(np.float32) / 255
    half = draws.kernel_px // 2
    turn = np.array([[np.cos(draws.angle_rad), -np.sin(draws.angle_rad)], [np.sin(draws.angle_rad), np.cos(draws.angle_rad)]])
    inverse = np.linalg.inv(turn @ np.diag([draws.sigma_x_px**2, draws.sigma_y_px**2]) @ turn.T)
    kernel = np.zeros((draws.kernel_px, draws.kernel_px))
    for row in range(draws.kernel_px):
        for column in range(draws.kernel_px):
            place = np.array([column - half, row - half])
            kernel[row, column] = np.exp(-0.5 * place @ inverse @ place)
    image = cv2.filter2D(image, -1, kernel / kernel.sum())
    image = cv2.resize(image, (draws.side_px, draws.side_px), interpolation=cv2.INTER_LINEAR)
    channels = 1 if draws.noise_shared else 3
    noise = np.random.default_rng(draws.noise_seed).standard_normal((draws.side_px, draws.side_px, channels), dtype=np.float32)
    image = np.clip(image + noise[..., ::-1] * draws.noise_std_255 / 255, 0, 1)
    _, code = cv2.imencode(".jpg", np.round(image * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, draws.jpeg_quality])
    image = cv2.imdecode(code, cv2.IMREAD_COLOR).astype(np.float32) / 255
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("name", ["blind", "severe", "mild", "vqfr_v1", "codeformer_ii"])
def test_agrees_with_a_plain_opencv_chain(name: str, orl_faces: dict[str, np.ndarray]) -> None:
    for number, face in enumerate(orl_faces.values()):
        draws = draw(RECIPES[name], face.shape[0], is_grey(face), np.random.default_rng(number))
        difference = np.abs(apply(face, draws).astype(int) - reference(face, draws).astype(int))
        assert difference.max() <= 1, (name, draws)


@pytest.mark.parametrize("name", ["blind", "vqfr_v2", "gfpgan", "difface_test", "restoreformer_pp"])
def test_the_bytes_are_those_of_the_plain_arithmetic(name: str) -> None:
    """Bytes to floats by a table, no shift of 0, and one clipping less: each byte as without."""

    def plain(image: np.ndarray, draws: Draws) -> np.ndarray:
        size, outcome = image.shape[0], image.astype(np.float32) / 255.0
        outcome = cv2.filter2D(outcome, -1, gaussian_kernel(draws.kernel_px, draws.sigma_x_px, draws.sigma_y_px, draws.angle_rad))
        if draws.haze < 1:
            outcome = outcome * np.float32(draws.haze) + np.float32(1 - draws.haze)
        outcome = cv2.resize(outcome, (draws.side_px, draws.side_px), interpolation=cv2.INTER_LINEAR)
        outcome = jpeg(add_noise(outcome, draws), draws.jpeg_quality)
        outcome = cv2.resize(outcome, (size, size), interpolation=cv2.INTER_LINEAR)
        outcome += np.array([draws.shift_r_255, draws.shift_g_255, draws.shift_b_255], dtype=np.float32) / 255.0
        outcome = np.clip(outcome, 0, 1)
        outcome = grey(outcome) if draws.grey else outcome
        outcome = jitter(outcome, draws) if draws.jitter_order else outcome
        return np.rint(np.clip(outcome, 0, 1) * 255.0).astype(np.uint8)

    image = cv2.resize(skimage.data.chelsea(), (128, 128), interpolation=cv2.INTER_AREA)
    drawn = [draw(RECIPES[name], 128, False, np.random.default_rng(number)) for number in range(60)]
    assert name != "gfpgan" or {len(one.jitter_order) for one in drawn} == {0, 4}
    whole = [one for one in drawn if not one.outside]
    assert len(whole) > 30
    for one in whole:
        for view in (image, image[:, ::-1]):  # training turns images without copying them
            assert np.array_equal(apply(view, one), plain(view, one)), one


def test_blind_draws_cover_their_ranges_and_no_more() -> None:
    drawn = [draw(RECIPES["blind"], 96, True, np.random.default_rng(number)) for number in range(2000)]
    assert {d.side_px for d in drawn} == set(range(16, 41))
    assert {d.jpeg_quality for d in drawn} == set(range(50, 91))
    for d in drawn:
        unit = 0.35 * 96 / d.side_px
        assert 0.6 * unit <= d.sigma_x_px <= 1.2 * unit and 0.6 * unit <= d.sigma_y_px <= 1.2 * unit
        assert 2 <= d.noise_std_255 <= 12
    isotropic = np.mean([d.kernel == "iso" for d in drawn])
    assert 0.46 < isotropic < 0.54


def test_training_covers_the_three_test_degradations() -> None:
    for name in ("blind", "severe", "mild"):
        for key in ("side_px", "sigma_factor", "noise_std_255", "jpeg_quality"):
            low, high = getattr(RECIPES[name], key)
            training_low, training_high = getattr(RECIPES["training"], key)
            assert training_low <= low and high <= training_high, (name, key)


def test_classical_ranges_shrink_with_the_image() -> None:
    for number in range(200):
        large = draw(RECIPES["codeformer_ii"], 512, False, np.random.default_rng(number))
        small = draw(RECIPES["codeformer_ii"], 128, False, np.random.default_rng(number))
        assert small.sigma_x_px == pytest.approx(large.sigma_x_px / 4)
        assert large.kernel_px == 41 and small.kernel_px in (9, 11)
        assert 512 // 30 <= large.side_px <= 128


def test_a_grey_face_stays_grey_where_the_degradation_says_so(orl_faces: dict[str, np.ndarray]) -> None:
    face = next(iter(orl_faces.values()))
    assert is_grey(apply(face, draw(RECIPES["blind"], 64, True, np.random.default_rng(0))))
    assert not is_grey(apply(face, draw(RECIPES["vqfr_v2"], 64, True, np.random.default_rng(0))))


def test_super_resolution_is_antialiased_bicubic(orl_faces: dict[str, np.ndarray]) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 255  # finer than a x4 image can hold: an anti-aliased one is flat grey
    result = apply(stripes, draw(RECIPES["x4"], 64, True, np.random.default_rng(0)))
    assert np.abs(result[8:-8].astype(int) - 128).max() <= 3
    assert draw(RECIPES["x16"], 64, True, np.random.default_rng(0)).side_px == 4


def test_colourise_keeps_luminance_alone(orl_faces: dict[str, np.ndarray]) -> None:
    colour = np.stack([face[..., 0] for face in list(orl_faces.values())[:3]], -1)
    result = apply(colour, draw(RECIPES["colourise"], 64, False, np.random.default_rng(0)))
    assert is_grey(result) and np.array_equal(result, grey(colour))


def test_as_is_changes_nothing(orl_faces: dict[str, np.ndarray]) -> None:
    face = next(iter(orl_faces.values()))
    assert np.array_equal(apply(face, draw(RECIPES["as_is"], 64, True, np.random.default_rng(0))), face)


def test_every_degradation_gives_an_image(orl_faces: dict[str, np.ndarray]) -> None:
    face = next(iter(orl_faces.values()))
    for degradation in (
        degradation for degradation in RECIPES.values() if degradation.kind != "given"
    ):  # those have their images: test_first_use
        for number in range(20):
            result = apply(face, draw(degradation, 64, True, np.random.default_rng(number)))
            assert result.shape == face.shape and result.dtype == np.uint8, degradation.name


def test_gfpgan_draws_its_colour_changes() -> None:
    drawn = [draw(RECIPES["gfpgan"], 512, False, np.random.default_rng(number)) for number in range(2000)]
    assert 0.25 < np.mean([d.shift_r_255 != 0 for d in drawn]) < 0.35
    assert 0.25 < np.mean([d.jitter_order != "" for d in drawn]) < 0.35
    assert 0.002 < np.mean([d.grey for d in drawn]) < 0.02


PLAIN = Draws("test", kernel="iso", kernel_px=3, sigma_x_px=0.1, sigma_y_px=0.1, side_px=16, jpeg_quality=100)
"""Draws that change next to nothing but what a test adds to them."""


def float_jitter(**strengths: object) -> list[float]:
    """The pixel (0.2, 0.4, 0.6) after a change of colours, in units of 8 bits, not rounded."""
    pixel = np.full((1, 1, 3), (0.2, 0.4, 0.6), np.float32)
    return (255 * jitter(pixel, replace(PLAIN, **strengths))[0, 0]).tolist()  # type: ignore[arg-type]


def test_jitter_is_torchvisions_on_floats() -> None:
    """By hand. Grey is 0.2989 R + 0.587 G + 0.114 B = 0.36298; each step is clipped to [0, 1], and nothing is rounded."""
    grey_255 = 255 * 0.36298
    assert float_jitter(jitter_order="b", brightness=1.5) == pytest.approx([76.5, 153, 229.5], abs=1e-4)
    assert float_jitter(jitter_order="s", saturation=0.0) == pytest.approx([grey_255] * 3, abs=1e-4)
    assert float_jitter(jitter_order="c", contrast=0.5) == pytest.approx(
        [(51 + grey_255) / 2, (102 + grey_255) / 2, (153 + grey_255) / 2], abs=1e-3
    )
    assert float_jitter(jitter_order="h", hue=1 / 3) == pytest.approx([153, 51, 102], abs=1e-3)
    assert float_jitter(jitter_order="bs", brightness=1.75, saturation=0.5) == pytest.approx([124.8882, 169.5132, 207.7632], abs=1e-3)


def test_grey_is_made_of_floats_before_the_one_rounding() -> None:
    """0.299 x 40.45 + 0.587 x 80.45 + 0.114 x 116.45 = 72.594, so 73; of the rounded (40, 80, 116) it would be 72.144, so 72."""
    flat = np.full((16, 16, 3), (40, 80, 116), np.uint8)
    assert apply(flat, PLAIN)[8, 8].tolist() == [40, 80, 116]
    shift = {f"shift_{channel}_255": 0.45 for channel in "rgb"}
    assert apply(flat, replace(PLAIN, grey=True, **shift))[8, 8].tolist() == [73] * 3


def test_the_upper_end_of_jpeg_quality_is_drawn_by_our_own_degradations_alone() -> None:
    generators = [np.random.default_rng(number) for number in range(2000)]
    assert {draw(RECIPES["gfpgan"], 512, False, rng).jpeg_quality for rng in generators} == set(range(60, 100))
    assert {draw(RECIPES["daefr"], 512, False, rng).kernel_px for rng in generators} == {39, 41}
    assert {draw(RECIPES["blind"], 96, True, rng).jpeg_quality for rng in generators} == set(range(50, 91))


def test_difface_s_test_grid_draws_its_values_and_no_others() -> None:
    """Its script's lists; the angle is drawn in units of a quarter of pi."""
    drawn = [draw(RECIPES["difface_test"], 512, False, np.random.default_rng(number)) for number in range(2000)]
    assert {one.side_px for one in drawn} == {128, 64, 42, 32, 25, 21, 18, 16, 14, 12}
    assert {(one.sigma_x_px, one.sigma_y_px) for one in drawn} == {(x, y) for x in (4, 8, 12, 16) for y in (4, 8, 12, 16)}
    assert {one.noise_std_255 for one in drawn} == {1, 5, 10, 15, 20}
    assert {one.jpeg_quality for one in drawn} == {30, 40, 50, 60, 70}
    assert sorted({one.angle_rad for one in drawn}) == pytest.approx([0, np.pi / 4, np.pi / 2, 3 * np.pi / 4])
    assert {(one.kernel, one.kernel_px) for one in drawn} == {("aniso", 41)}


def test_restoreformer_pp_draws_haze_and_uneven_squares() -> None:
    drawn = [draw(RECIPES["restoreformer_pp"], 512, False, np.random.default_rng(number)) for number in range(4000)]
    squares = [one for one in drawn if one.outside]
    assert 0.08 < len(squares) / 4000 < 0.12 and 0.004 < np.mean([one.haze < 1 for one in drawn]) < 0.013
    assert all(0.75 <= one.haze <= 0.95 for one in drawn if one.haze < 1)
    assert all(128 <= one.patch_px <= 256 and max(one.patch_left_px, one.patch_top_px) + one.patch_px <= 512 for one in squares)


def test_haze_whitens_and_a_square_keeps_its_own_draws() -> None:
    """0.8 x 100 + 0.2 x 255 = 131 everywhere, but in the square, which is as it was."""
    flat = np.full((16, 16, 3), 100, np.uint8)
    hazy = replace(PLAIN, haze=0.8)
    assert np.unique(apply(flat, hazy)).tolist() == [131]
    uneven = replace(PLAIN, patch_px=4, patch_left_px=2, patch_top_px=9, outside=json.dumps(asdict(hazy)))
    result = apply(flat, uneven)
    assert np.unique(result[9:13, 2:6]).tolist() == [100]
    result[9:13, 2:6] = 131
    assert np.unique(result).tolist() == [131]


def test_bytes_and_draws_repeat_whatever_the_chunk(aligned_orl: Path, orl_faces: dict[str, np.ndarray], tmp_path: Path) -> None:
    ids = list(orl_faces)
    degrade_chunk(ids, aligned_orl, tmp_path / "whole", RECIPES["blind"], "orl", 0)
    degrade_chunk(ids[::-1][:5], aligned_orl, tmp_path / "part", RECIPES["blind"], "orl", 0)
    degrade_chunk(ids, aligned_orl, tmp_path / "other", RECIPES["blind"], "orl", 1)
    for image_id in ids[::-1][:5]:
        assert (tmp_path / "whole" / f"{image_id}.png").read_bytes() == (tmp_path / "part" / f"{image_id}.png").read_bytes()
    assert any((tmp_path / "whole" / f"{i}.png").read_bytes() != (tmp_path / "other" / f"{i}.png").read_bytes() for i in ids)


def test_the_record_of_draws_gives_the_image_again(aligned_orl: Path, orl_faces: dict[str, np.ndarray], tmp_path: Path) -> None:
    degrade_chunk(list(orl_faces), aligned_orl, tmp_path, RECIPES["blind"], "orl", 0)
    kinds = {key: type(value) for key, value in asdict(Draws("")).items()}
    with (tmp_path / "draws.csv").open() as lines:
        for row in csv.DictReader(lines):
            image_id = row.pop("image_id")
            values = {key: value == "True" if kinds[key] is bool else kinds[key](value) for key, value in row.items()}
            assert np.array_equal(apply(orl_faces[image_id], Draws(**values)), read_rgb(tmp_path / f"{image_id}.png"))


def test_kernel_has_unit_sum_and_turns() -> None:
    kernel = gaussian_kernel(21, 4.0, 1.0, 0.0)
    assert kernel.sum() == pytest.approx(1)
    assert kernel[10, 14] > kernel[14, 10]  # sigma_x is along the columns
    assert np.allclose(gaussian_kernel(21, 4.0, 1.0, np.pi / 2), kernel.T)


def test_an_unknown_degradation_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'blind'"):
        get_degradation(RECIPES, "blnd")


def test_a_wrong_key_in_a_degradation_is_named(tmp_path: Path) -> None:
    (tmp_path / "degradations.yaml").write_text("mine: {kind: by_side, side: [1, 2]}")
    with pytest.raises(UserError, match=r"mine.*'side'.*Did you mean 'side_px'"):
        load_degradations(tmp_path / "degradations.yaml")


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="another processor's OpenCV has no IPP, and rounds otherwise")
def test_resizing_rounds_alike_with_and_without_avx_512() -> None:
    small = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    resized = cv2.resize(small, (64, 64), interpolation=cv2.INTER_LINEAR)
    assert hashlib.sha256(resized.tobytes()).hexdigest() == "35c717d174c6c5719cba4843487e0b94897084fb41664986ad556597de299f08"


def test_noise_has_the_drawn_strength() -> None:
    flat = np.full((256, 256, 3), 128, np.uint8)
    draws = replace(draw(RECIPES["blind"], 256, True, np.random.default_rng(0)), side_px=256, noise_std_255=10.0, jpeg_quality=100)
    assert apply(flat, draws).std() == pytest.approx(10, rel=0.05)
