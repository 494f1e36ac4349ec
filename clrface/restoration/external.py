"""Methods in a repository of their own: fetched at a commit, and run in an environment of their
own.

A card, `clrface/baselines/external/<name>.yaml`, describes one. The program is called as its
authors call it: a folder of PNGs in, a folder out. Its output is checked like any method's: every
image once, at its size, and not the input itself.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from clrface.api import OK
from clrface.errors import UserError
from clrface.external import NOT_RUN, PACKAGES, ExternalCard
from clrface.files import write_text
from clrface.images import read_rgb, write_png
from clrface.intact import source_file
from clrface.restoration.chunk import RETURNED_INPUT, Chunk, not_aligned, write_status

READY = "READY.json"
MISSING = "the program left no image of this name"


def install(card: ExternalCard, folder: Path, sources: Path) -> None:
    """Make `folder`, once: the repository at the card's commit (`code`), its weights in it, and an
    environment (`venv`).

    Args:
        sources: the folder of fetched sources, which has the weights.

    Raises: UserError for a repository, commit, package or weight that is not available, with the
    message of git or pip.
    """
    if not card.commit:
        raise UserError(f"{card.name} can't be installed: its card has no repository ({card.unable}). If there is one now, name it there.")
    folder = Path(folder)
    ready = json.dumps({"card": hashlib.sha256(repr(card).encode()).hexdigest(), "commit": card.commit}) + "\n"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if (folder / READY).is_file() and (folder / READY).read_bytes() == ready.encode():
            return
        shutil.rmtree(folder, ignore_errors=True)
        code = folder / "code"
        _call(["git", "init", "--quiet", "--", str(code)], "make a repository")
        _call(
            ["git", "-C", str(code), "fetch", "--quiet", "--depth", "1", "--", card.repository, card.commit],
            f"fetch commit {card.commit} of {card.repository}",
        )
        _call(["git", "-C", str(code), "checkout", "--quiet", "FETCH_HEAD"], "check the commit out")
        _call([sys.executable, "-m", "venv", str(folder / "venv")], "make an environment")
        listed = folder / "requirements.txt"
        write_text(listed, card.requirements)
        if card.requirements.strip():
            _call(
                [str(python_of(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(listed)],
                "install its requirements",
            )
        packages = _packages(folder)
        for place, file in card.weights.items():
            target = packages / place.removeprefix(PACKAGES) if place.startswith(PACKAGES) else code / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source_file(sources, file), target)
        write_text(folder / READY, ready)


def python_of(folder: Path) -> Path:
    """Return the Python of an installed card."""
    return (Path(folder) / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python").absolute()


def _packages(folder: Path) -> Path:
    """Return the folder of an installed card's packages."""
    asked = [str(python_of(folder)), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(_call(asked, "ask the environment where its packages lie").strip())


def run_external(card: ExternalCard, folder: Path, chunk: Chunk, seed: int) -> None:
    """Restore a chunk with an installed card; write the images and status.csv as any method does.

    Args:
        folder: that of `install`.
        seed: given to the program where its card's `command` has {seed}.

    Raises: UserError for a program that fails, with the end of its output, or that leaves no images
    or unknown ones.
    """
    status = not_aligned(chunk)
    todo = [image_id for image_id in chunk.ids if image_id not in status]
    if not todo:
        write_status(chunk, status)
        return
    with tempfile.TemporaryDirectory(prefix="clrface-external-") as temporary:
        given, made = Path(temporary, "input"), Path(temporary, "output")
        given.mkdir()
        made.mkdir()
        for image_id in todo:
            shutil.copy(chunk.degraded / f"{image_id}.png", given)
        words = {"python": str(python_of(folder)), "input": str(given), "output": str(made), "seed": str(seed)}
        command = shlex.split(card.command.format(**{key: shlex.quote(value) for key, value in words.items()}))
        _call(command, f"run {card.name}", cwd=Path(folder) / "code")
        _check_names(card, made, todo)
        for image_id in todo:
            status[image_id] = _take(made / card.output.format(image_id=image_id), chunk, image_id)
    write_status(chunk, status)


def not_run(chunk: Chunk, reason: str) -> None:
    """Write a chunk's status.csv for a card that can't run here: every image has the reason, and
    none a file.
    """
    write_status(chunk, dict.fromkeys(chunk.ids, f"{NOT_RUN}: {reason}"))


def _check_names(card: ExternalCard, made: Path, todo: list[str]) -> None:
    """Refuse unknown images, and no images at all: the card is wrong.

    A missing image is that image's failure.
    """
    expected = {made / card.output.format(image_id=image_id) for image_id in todo}
    found = set(made.glob(card.output.format(image_id="*")))
    missing, surplus = sorted(expected - found), sorted(found - expected)
    if surplus or not found:
        raise UserError(
            f"{card.name} was given {len(todo)} images and left {len(found)}: {len(missing)} are missing "
            f"(first: {missing[0].name if missing else 'none'}), {len(surplus)} are unexpected "
            f"(first: {surplus[0].name if surplus else 'none'}). "
            "Correct `command` or `output` in its card."
        )


def _take(path: Path, chunk: Chunk, image_id: str) -> str:
    """Keep one restored image, if it is valid; return its status."""
    target = chunk.out / f"{image_id}.png"
    target.unlink(missing_ok=True)  # of an earlier run, in which it did not fail
    if not path.exists():
        return MISSING
    try:
        restored = read_rgb(path)
    except UserError as error:
        return f"the program's image can't be read: {error}".replace(str(path), path.name)
    given = read_rgb(chunk.degraded / f"{image_id}.png")
    if restored.shape != given.shape:
        return f"wrong size: found {restored.shape[1]}x{restored.shape[0]}, expected {given.shape[1]}x{given.shape[0]}"
    if np.array_equal(restored, given):
        return RETURNED_INPUT
    write_png(target, restored)
    return OK


def _call(command: list[str], doing: str, **options: Any) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, **options)
    except OSError as error:
        raise UserError(
            f"Could not {doing}: `{command[0]}` can't be started ({error.strerror}). Install it, or correct the card."
        ) from error
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:]) or "nothing"
        raise UserError(f"Could not {doing}: `{shlex.join(command)}` ended with {done.returncode} and said:\n{said}")
    return done.stdout
