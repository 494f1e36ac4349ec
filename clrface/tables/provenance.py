"""Record where a table's numbers come from: code, packages, machine, and checksums of the inputs."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.fingerprint import ROOT
from clrface.trained import RECORD

PACKAGES = (
    "torch",
    "torchvision",
    "diffusers",
    "timm",
    "numpy",
    "scipy",
    "scikit-image",
    "opencv-python-headless",
    "pillow",
    "dlib-bin",
    "onnx",
    "pandas",
    "snakemake",
)
WRITTEN = (":(exclude)results", ":(exclude)dvc.lock")
CPUINFO = Path("/proc/cpuinfo")
WEIGHT_SUFFIXES = (".safetensors", ".json", ".pth", ".pt", ".ckpt", ".onnx")


def code_version(root: Path = ROOT) -> dict[str, str | bool | None]:
    """Return the project's commit, and whether its files differ from it; both None outside of a git
    clone.

    What a run writes into the clone itself, results and DVC's record of them, is ignored.
    """
    try:
        top = _git(root, "rev-parse", "--show-toplevel")
        if Path(top).resolve() != root.resolve():
            return {"commit": None, "dirty": None}
        return {"commit": _git(root, "rev-parse", "HEAD"), "dirty": _git(root, "status", "--porcelain", "--", ".", *WRITTEN) != ""}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def environment() -> dict[str, object]:
    """Return versions of Python and the main packages (None if absent), and the platform; nothing
    that names the machine.
    """
    return {"python": platform.python_version(), "platform": platform.platform(), "packages": {name: _version(name) for name in PACKAGES}}


def processor() -> str | None:
    """Return the processor's model, on which the seconds of a cost depend; None where the system
    doesn't say.
    """
    lines = CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or None


def processor_type() -> str | None:
    """Return what arithmetic may depend on: the processor's model, with its numbers and widest
    vectors.

    A virtual machine's name alone, such as `AMD EPYC`, covers generations that round differently.
    None where the system doesn't say.
    """
    text = CPUINFO.read_text(encoding="utf-8").partition("\n\n")[0] if CPUINFO.is_file() else ""
    entries = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    flags = entries.get("flags", "").split()
    numbers = [f"{key} {entries[key]}" for key in ("cpu family", "model") if key in entries]
    vectors = [name for name in ("avx512f", "avx2") if name in flags][:1]
    return ", ".join([name, *numbers, *vectors]) if (name := processor()) else None


def lq_images(folder: Path, chunks: Sequence[str] | None = None) -> dict[str, Path]:
    """Return image_id to PNG of a degraded set, `<folder>/<chunk>/<image_id>.png`, sorted by id.

    Hidden files, which a killed run may leave half-written, are ignored.

    Args:
        chunks: those of the set. Other folders, which a run on more images may have left, are
            ignored. None takes all folders.

    Raises: UserError for a folder without images, or an id in two chunks.
    """
    images: dict[str, Path] = {}
    folders = sorted(folder.glob("*")) if chunks is None else [folder / chunk for chunk in chunks]
    for path in sorted(path for part in folders for path in part.glob("*.png") if not path.name.startswith(".")):
        if path.stem in images:
            raise UserError(
                f"Two images with one id: {images[path.stem]} and {path}. Expected each in one chunk. "
                f"Delete {folder} and run the degrading step again."
            )
        images[path.stem] = path
    if not images:
        raise UserError(f"No degraded images under {folder}; expected <chunk>/<image_id>.png. Run the degrading step for it.")
    return dict(sorted(images.items()))


def lq_checksum(images: Mapping[str, Path]) -> str:
    """Return one number for a degraded set: SHA-256 over the lines `image_id<TAB>sha256 of the
    PNG<LF>`, sorted by id.
    """
    digest = hashlib.sha256()
    for image_id, path in sorted(images.items()):
        digest.update(f"{image_id}\t{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def weight_checksums(folder: Path) -> dict[str, str]:
    """Return relative path to SHA-256 for each file of weights and each JSON (the networks' shapes)
    of a method.

    Raises: UserError for a folder without any.
    """
    found = (path for path in folder.rglob("*") if path.suffix in WEIGHT_SUFFIXES and path.is_file())
    files = sorted(path for path in found if path.name != RECORD)  # how they were trained is no part of the weights
    if not files:
        raise UserError(
            f"No weights in {folder}; expected files ending in {', '.join(WEIGHT_SUFFIXES)}. Train them or correct `weights` in the config."
        )
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True).stdout.strip()
