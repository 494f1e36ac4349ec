"""External programs: a real one, in a git repository of its own, installed into an environment of its own and run on faces."""

import csv
import shlex
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import yaml

from clrface.errors import UserError
from clrface.external import FOLDER, ExternalCard, has_cuda, read_external
from clrface.images import read_rgb, write_png
from clrface.restoration.chunk import RETURNED_INPUT, Chunk
from clrface.restoration.external import MISSING, READY, install, not_run, python_of, run_external

PROGRAM = """
import sys
from pathlib import Path
from PIL import Image, ImageFilter

given, made, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
strength = int(Path("weights/strength.txt").read_text())
for path in sorted(given.glob("*.png")):
    image = Image.open(path).convert("RGB")
    (made / "faces").mkdir(exist_ok=True)
    restored = image if mode == "nothing" else image.filter(ImageFilter.UnsharpMask(radius=2, percent=strength))
    if mode == "small":
        restored = restored.resize((32, 32))
    if mode == "fail":
        sys.exit("out of memory")
    if mode == "half" and path.stem == "b":
        (made / "faces" / "b_00.png").write_bytes(path.read_bytes()[:99])
    elif mode == "none":
        continue
    elif mode == "more":
        restored.save(made / "faces" / f"{path.stem}x_00.png")
    elif mode != "fewer" or path.stem != "b":
        restored.save(made / "faces" / f"{path.stem}_00.png")
"""


def git(folder: Path, *words: str) -> str:
    names = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *names, "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> ExternalCard:
    """The card of a small program in a repository with two commits, of which the first counts."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet")
    (folder / "restore.py").write_text(PROGRAM)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    commit = git(folder, "rev-parse", "HEAD")
    (folder / "restore.py").write_text("raise SystemExit('a later commit')\n")
    git(folder, "commit", "--quiet", "-am", "second")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    return ExternalCard(
        name="sharper",
        label="Sharper",
        paper="none",
        repository=folder.as_uri(),
        commit=commit,
        licence="MIT",
        requirements=f"pillow=={version('pillow')}\n",
        command="{python} restore.py {input} {output} well",
        output="faces/{image_id}_00.png",
        weights={"weights/strength.txt": "sharper/strength.txt", "site-packages/PIL/weights/strength.txt": "sharper/strength.txt"},
    )


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    (folder / "sharper").mkdir()
    (folder / "sharper" / "strength.txt").write_text("150")
    return folder


@pytest.fixture(scope="module")
def installed(card: ExternalCard, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("external") / card.name
    install(card, folder, raw)
    return folder


@pytest.fixture
def chunk(orl_faces: dict[str, np.ndarray], tmp_path: Path) -> Chunk:
    for image_id, face in zip("abc", orl_faces.values(), strict=False):
        write_png(tmp_path / "degraded" / f"{image_id}.png", face)
    rows = [f"{image_id},ok" for image_id in "abc"]
    (tmp_path / "aligned").mkdir()
    (tmp_path / "aligned" / "index.csv").write_text("\n".join(["image_id,status", *rows, "d,no face found\n"]))
    return Chunk("mine", list("abcd"), tmp_path / "aligned", tmp_path / "degraded", tmp_path / "out")


def statuses(chunk: Chunk) -> dict[str, str]:
    with (chunk.out / "status.csv").open(newline="") as lines:
        return {row["image_id"]: row["status"] for row in csv.DictReader(lines)}


def with_mode(card: ExternalCard, mode: str) -> ExternalCard:
    return replace(card, command=card.command.replace("well", mode))


def test_it_runs_at_its_commit_in_its_own_environment(card: ExternalCard, installed: Path, chunk: Chunk) -> None:
    run_external(card, installed, chunk, seed=0)
    assert statuses(chunk) == {"a": "ok", "b": "ok", "c": "ok", "d": "no face found"}
    for image_id in "abc":
        restored, given = read_rgb(chunk.out / f"{image_id}.png"), read_rgb(chunk.degraded / f"{image_id}.png")
        assert restored.shape == given.shape and restored.std() > given.std()
    code = "import PIL, sys; print(PIL.__file__); print(sys.prefix)"
    said = subprocess.run([str(python_of(installed)), "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert all(str(installed) in line for line in said)
    assert (Path(said[0]).parent / "weights" / "strength.txt").read_text() == "150"


def test_a_second_install_does_nothing_and_a_changed_card_starts_again(
    card: ExternalCard, installed: Path, raw: Path, tmp_path: Path
) -> None:
    mark = installed / "mark"
    mark.touch()
    install(card, installed, raw)
    assert mark.exists()
    folder = tmp_path / card.name
    bare = replace(card, requirements="")
    install(bare, folder, raw)
    (folder / "mark").touch()
    install(replace(bare, label="Other"), folder, raw)
    assert not (folder / "mark").exists()


def test_output_that_is_its_input_or_of_another_size_is_refused(card: ExternalCard, installed: Path, chunk: Chunk) -> None:
    run_external(with_mode(card, "nothing"), installed, chunk, seed=0)
    assert [statuses(chunk)[image_id] for image_id in "abc"] == [RETURNED_INPUT] * 3 and not list(chunk.out.glob("*.png"))
    run_external(with_mode(card, "small"), installed, chunk, seed=0)
    assert statuses(chunk)["a"] == "wrong size: found 32x32, expected 64x64"


@pytest.mark.parametrize(("mode", "reason"), [("fewer", MISSING), ("half", "the program's image can't be read: Can't read b_00.png")])
def test_an_image_that_the_program_left_out_is_that_image_s_failure(
    mode: str, reason: str, card: ExternalCard, installed: Path, chunk: Chunk
) -> None:
    write_png(chunk.out / "b.png", np.zeros((64, 64, 3), np.uint8))  # of an earlier run
    run_external(with_mode(card, mode), installed, chunk, seed=0)
    assert statuses(chunk)["b"].startswith(reason) and statuses(chunk)["a"] == "ok"
    assert {path.name for path in chunk.out.glob("*.png")} == {"a.png", "c.png"}


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("none", r"given 3 images and left 0: 3 are missing \(first: a_00\.png\), 0 are unexpected"),
        ("more", r"given 3 images and left 3: 3 are missing \(first: a_00\.png\), 3 are unexpected \(first: ax_00\.png\)"),
        ("fail", r"Could not run sharper: .* ended with 1 and said:\nout of memory"),
    ],
)
def test_a_program_that_fails_is_told(mode: str, message: str, card: ExternalCard, installed: Path, chunk: Chunk) -> None:
    with pytest.raises(UserError, match=message):
        run_external(with_mode(card, mode), installed, chunk, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"commit": "0" * 40}, "Could not fetch commit 0000"),
        ({"repository": "file:///no/such/repository"}, "Could not fetch commit"),
        ({"requirements": "no-such-package-of-ours==1.0"}, "Could not install its requirements"),
        ({"weights": {"w": "nothing/w.pth"}}, "No weights at .*nothing/w.pth"),
    ],
)
def test_what_can_not_be_had_is_told(change: dict[str, object], message: str, card: ExternalCard, raw: Path, tmp_path: Path) -> None:
    folder = tmp_path / "external" / "sharper"
    folder.mkdir(parents=True)
    (folder / READY).write_bytes(b"\xbe")  # damaged: tells of no install
    with pytest.raises(UserError, match=message):
        install(replace(card, **change), folder, raw)
    assert not (folder / READY).exists()


def test_a_card_that_can_not_run_here_says_why(card: ExternalCard, chunk: Chunk) -> None:
    assert card.why_not(has_cuda=False) == ""
    assert replace(card, device="cuda").why_not(has_cuda=False) == "needs a CUDA device"
    assert replace(card, device="cuda").why_not(has_cuda=True) == ""
    assert replace(card, unable="its weights are gone").why_not(has_cuda=True) == "its weights are gone"
    not_run(chunk, "needs a CUDA device")
    assert set(statuses(chunk).values()) == {"not run: needs a CUDA device"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"commit": "main"}, "commit 'main' is not one of 40 hexadecimal digits"),
        ({"name": "other"}, "has the name 'other', but the file's name says 'sharper'"),
        ({"comand": "x"}, "is no card of an external method: unknown key 'comand'. Did you mean 'command'\\? Allowed: name, "),
        ({"repository": "--upload-pack=x"}, "repository '--upload-pack=x' is no URL or path"),
        ({"repository": ""}, "repository '' is no URL or path"),
        ({"commit": "", "unable": "no code"}, "commit '' is not one of 40 hexadecimal digits"),
        ({"repository": "", "commit": ""}, "it has no repository and no commit. Give both, or say in `unable`"),
        ({"weights": {"-w.pth": "a/w.pth"}}, "weights .* must map places inside the repository, none with a leading '-'"),
        ({"weights": {"../w.pth": "a/w.pth"}}, "must map places inside the repository"),
    ],
)
def test_a_bad_card_is_told(change: dict[str, object], message: str, card: ExternalCard, tmp_path: Path) -> None:
    entry = vars(card) | change
    (tmp_path / "sharper.yaml").write_text(yaml.safe_dump(entry))
    with pytest.raises(UserError, match=message):
        read_external(tmp_path / "sharper.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: sharper\nlabel: Sharper\n", "it lacks paper, repository, commit, licence, requirements, command"),
        ("- name\n", "expected a mapping of keys to values"),
        ("name: [\n", r"sharper\.yaml is not valid YAML"),
    ],
)
def test_a_card_that_is_none_is_told(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sharper.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_external(tmp_path / "sharper.yaml")


def test_a_method_without_a_repository_has_a_card_that_says_so(card: ExternalCard, raw: Path, tmp_path: Path) -> None:
    entry = vars(card) | {"repository": "", "commit": "", "unable": "its code is not public"}
    (tmp_path / "sharper.yaml").write_text(yaml.safe_dump(entry))
    found = read_external(tmp_path / "sharper.yaml")
    assert found.why_not(has_cuda=True) == "its code is not public"
    with pytest.raises(UserError, match=r"sharper can't be installed: its card has no repository \(its code is not public\)"):
        install(found, tmp_path / "external" / "sharper", raw)


@pytest.mark.parametrize(
    ("device", "found", "expected"),
    [
        ("cuda", None, True),
        ("cpu", "/bin/nvidia-smi", False),
        ("mps", None, False),
        ("auto", "/bin/nvidia-smi", True),
        ("auto", None, False),
    ],
)
def test_cuda_is_there_where_it_is_asked_for_or_found(
    device: str, found: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clrface.external.shutil.which", lambda name: found)
    assert has_cuda(device) is expected


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_card_is_whole(path: Path) -> None:
    """It can be read, its command has its folders, and what it needs is pinned: else another day would make another environment."""
    found = read_external(path)
    assert found.label and found.paper and found.licence and found.resolution == 512
    if found.repository:
        assert found.repository.startswith("https://") and {"{python}", "{input}", "{output}"} <= set(shlex.split(found.command))
        assert all("==" in line for line in found.requirements.splitlines()) and found.requirements
        assert found.stochastic == ("{seed}" in found.command), "without a seed to tell, more runs would be the same one"
