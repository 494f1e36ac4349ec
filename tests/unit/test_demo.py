"""What the demo computes, with real methods and a real detector; the page itself is in tests/browser."""

import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clrface.api import OK
from clrface.cli import main
from clrface.demo.page import _summary, make_page, serve
from clrface.demo.trial import INPUT, run_trial, samples
from clrface.errors import UserError
from clrface.images import read_rgb
from clrface.photo.detect import FaceDetector
from clrface.photo.files import Photo
from clrface.photo.restorer import TOO_FINE
from clrface.ready import Ready, at_hand, ready
from clrface.seeds import generator
from tests.photographs import face, scene


@pytest.fixture(scope="module")
def detector(sources: Path) -> FaceDetector:
    return FaceDetector(sources)


@pytest.fixture(scope="module")
def methods(sources: Path) -> list[Ready]:
    """One that was made for a size, and one that takes any."""
    return [ready("unet_gan", {}, device="cpu"), ready("wiener", {}, device="cpu")]


def test_the_largest_face_is_degraded_restored_and_measured(methods: list[Ready], detector: FaceDetector) -> None:
    photo = Photo(scene((40, 120, 90), (300, 60, 260)))
    trial = run_trial(photo, "blind", methods, detector, seed=0)
    size = methods[0].size
    assert trial.truth is not None and trial.truth.shape == trial.before.shape == (size, size, 3)
    assert list(trial.after) == ["unet_gan", "wiener"] and set(trial.scores) == {INPUT, *trial.after}
    assert {"psnr", "ssim", "stlpips_alex", "idd_dlib"} <= set(trial.scores[INPUT])
    unet = trial.scores["unet_gan"]
    assert unet["stlpips_alex"] < trial.scores[INPUT]["stlpips_alex"], "the right face in the right frame is restored"
    again = run_trial(photo, "blind", methods[:1], detector, seed=0)
    assert np.array_equal(again.before, trial.before) and again.scores[INPUT] == trial.scores[INPUT]
    assert not np.array_equal(run_trial(photo, "blind", methods[:1], detector, seed=1).before, trial.before)


def test_without_a_degradation_the_photograph_is_restored_and_nothing_measured(methods: list[Ready], detector: FaceDetector) -> None:
    photo = Photo(scene((40, 120, 60), (300, 60, 60)))
    trial = run_trial(photo, "", methods[:1], detector, seed=0)
    [after] = trial.after.values()
    assert trial.truth is None and trial.scores == {} and trial.faces == {"unet_gan": [OK, OK]}
    assert after.shape == photo.pixels.shape and not np.array_equal(after, photo.pixels)


def test_a_sharp_face_is_kept_and_said_unless_forced(methods: list[Ready], detector: FaceDetector) -> None:
    noise = generator(0, "test", "demo").integers(-20, 20, (400, 640, 3))
    photo = Photo(np.clip(scene((260, 120, 200)) + noise, 0, 255).astype(np.uint8))
    kept = run_trial(photo, "", methods[:1], detector, seed=0)
    assert kept.faces == {"unet_gan": [TOO_FINE]} and np.array_equal(kept.after["unet_gan"], photo.pixels)
    assert "restored 0, kept 1 (finer than the method's size)" in _summary(kept)
    forced = run_trial(photo, "", methods[:1], detector, seed=0, force=True)
    assert forced.faces == {"unet_gan": [OK]} and not np.array_equal(forced.after["unet_gan"], photo.pixels)


def test_a_smaller_method_s_result_is_said_to_be_enlarged(methods: list[Ready], detector: FaceDetector) -> None:
    larger = replace(methods[1], card=replace(methods[1].card, name="larger", resolution=128), size=128, template="utkface")
    trial = run_trial(Photo(scene((300, 60, 260))), "blind", [methods[0], larger], detector, seed=0)
    assert trial.before.shape == (128, 128, 3) and trial.enlarged == {"unet_gan": methods[0].size}


@pytest.mark.parametrize(
    ("pixels", "count", "message"),
    [(np.full((200, 200, 3), 90, np.uint8), 1, "Found no face"), (face(0), 0, "Found no method chosen")],
)
def test_what_can_t_be_tried_is_said(pixels: np.ndarray, count: int, message: str, methods: list[Ready], detector: FaceDetector) -> None:
    with pytest.raises(UserError, match=message):
        run_trial(Photo(pixels), "blind", methods[:count], detector, seed=0)


def test_each_sample_shows_one_face(detector: FaceDetector) -> None:
    found = samples()
    assert len(found) == 8 and [len(detector.find(read_rgb(path))) for path in found] == [1] * 8


def test_methods_at_hand_can_be_loaded(sources: Path) -> None:
    found = at_hand()
    assert {"clrface", "unet", "unet_gan", "wiener"} <= set(found) and not {"input", "ground_truth"} & set(found)


def test_without_gradio_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sources: Path) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "gradio":
            raise ModuleNotFoundError(name, name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"pip install 'clrface-bench\[demo\]'"):
        make_page(["wiener"], ["wiener"], ["blind"], "cpu")
    assert main(["demo", "--port", "0"]) == 2 and "clrface-bench[demo]" in capsys.readouterr().err


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("no.such.host.invalid", 7999), ("192.0.2.1", 0)])
def test_an_address_that_is_not_this_machine_s_is_one_message(host: str, port: int, sources: Path) -> None:
    with pytest.raises(UserError, match=rf"Can't serve at {host}, port {port}"):
        serve(make_page(["wiener"], ["wiener"], ["blind"], "cpu"), host, port, wait=False)
