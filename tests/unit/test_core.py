"""The small things that all else stands on: seeds, whole-or-absent files, images, code fingerprints, names."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clrface.device import VARIABLE, metric_device
from clrface.errors import UserError, extra, unknown_name
from clrface.files import atomic_path, write_text
from clrface.fingerprint import ROOT, fingerprint
from clrface.images import read_rgb, to_bytes, to_unit, write_png
from clrface.seeds import derive_seed, generator


def test_a_seed_depends_on_each_name_and_on_their_borders() -> None:
    seeds = {derive_seed(0, "a", "b", "c"), derive_seed(1, "a", "b", "c"), derive_seed(0, "ab", "c"), derive_seed(0, "a", "bc")}
    assert len(seeds) == 4
    assert derive_seed(0, "degrade", "orl", "s1_1") == 7294316533153883949  # the same on every machine and version
    assert min(seeds) >= 0 and max(seeds) < 2**63


def test_a_generator_starts_again_each_time() -> None:
    assert generator(0, "x").random() == generator(0, "x").random()


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert not target.exists() and list(target.parent.iterdir()) == []
    write_text(target, "whole")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "whole" and list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tiny disk needs root")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path)], check=True)
    try:
        with pytest.raises(UserError, match="No space left"):
            write_png(tmp_path / "large.png", np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8))
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_images_keep_their_bytes(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", rgb)
    assert np.array_equal(read_rgb(tmp_path / "a.png"), rgb)
    assert np.array_equal(to_bytes(to_unit(rgb)), rgb)
    assert to_unit(rgb).shape == (3, 8, 9)


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"a\.png.*truncated"):
        read_rgb(tmp_path / "a.png")
    with pytest.raises(UserError, match="No image at"):
        read_rgb(tmp_path / "b.png")


def test_a_fingerprint_follows_imports_and_no_further() -> None:
    code = (
        "import sys; from pathlib import Path; import clrface.fingerprint as f; f.ROOT = Path(sys.argv[1]);"
        "print(f.fingerprint('clrface.metrics.psnr'), f.fingerprint('clrface.metrics.ssim'))"
    )

    def prints(root: Path) -> list[str]:
        return subprocess.run([sys.executable, "-c", code, str(root)], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        shutil.copytree(ROOT / "clrface", root / "clrface")
        before = prints(root)
        os.utime(root / "clrface" / "metrics" / "psnr.py")
        assert prints(root) == before
        with (root / "clrface" / "metrics" / "psnr.py").open("a") as lines:
            lines.write("\n# edited\n")
        psnr, ssim = prints(root)
        assert psnr != before[0] and ssim == before[1]
        with (root / "clrface" / "seeds.py").open("a") as lines:
            lines.write("\n# edited\n")
        assert "clrface.seeds" not in before and prints(root)[0] != before[0]


def test_a_fingerprint_of_no_module_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such"):
        fingerprint("clrface.no_such")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    assert (
        str(unknown_name("metric", "lpip", ["lpips_vgg", "psnr"]))
        == "Unknown metric 'lpip'. Did you mean 'lpips_vgg'? Available: lpips_vgg, psnr."
    )


def test_a_missing_extra_is_named() -> None:
    told = r"Training needs the package no_such_package, .* pip install 'clrface-bench\[train\]' \(in a clone: make dev\)"
    with pytest.raises(UserError, match=told), extra("train", "Training"):
        import_module("no_such_package.part")
    with pytest.raises(ModuleNotFoundError), extra("train", "Training"):
        import_module("clrface.no_such_module")


def test_metrics_leave_mps_to_the_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "mps")
    assert metric_device() == "cpu"
