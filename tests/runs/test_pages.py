"""Every command of README.md and the docs is run, in the order of its page, on small inputs, after the files that the page prints."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.pages import NOTEBOOKS, PAGES, Block, blocks, told
from tests.runs.page_project import PageProject

pytestmark = pytest.mark.timeout(1800)


class Instead(NamedTuple):
    """Why a command of a page can't be run here, and what is run in its place, if anything."""

    why: str
    command: str = ""


CI = "CI runs it on a fresh machine"
INDEX = "installs from a package index: `make dev` and CI install the same"
CLUSTER = "needs a cluster; contrib/kubernetes/tests run a table through a stand-in for one"
SHIPPED = "git checkout --quiet HEAD~1 config clrface"
"""The preset and the protocols as they are, in place of the small ones."""
SLURM_SEEN = "--workflow-profile profiles/slurm --slurm-no-account --slurm-status-command squeue"
SLURM_ASKED = "--default-resources slurm_partition=main mem_mb=4000*attempt runtime=60*attempt"
KUBERNETES = "--workflow-profile contrib/kubernetes/profile results/table1.csv"
PEERS = "needs clones of other projects, and an environment for them"
PEERS_PACKAGES = (
    "torch==1.12.1 torchvision==0.13.1 numpy==1.23.5 scipy==1.9.3 opencv-python-headless==4.6.0.66 scikit-learn==1.1.3 timm==0.6.13 "
    "lpips==0.1.4 matplotlib==3.6.3 lmdb einops pyyaml tqdm"
)
SIDE_BY_SIDE = 'python -m benchmarks.side_by_side --only "metrics:psnr*" "metrics:ssim*" --images 2 --size 64'
INSTEAD = {
    "make table1": Instead(CI),
    "make test": Instead(CI),
    "make lint": Instead(CI),
    "make runs": Instead("is what runs this"),
    "make setup && . .venv/bin/activate": Instead(CI, ". .venv/bin/activate"),
    "git clone <this repository> && cd clrface-bench": Instead("has no address here; a clone is what all this runs in"),
    "snakemake --cores all data/degraded/orl/blind/000 data/degraded/orl/blind/001": Instead(
        "the small preset has one chunk", "snakemake --cores all data/degraded/orl/blind/000"
    ),
    "pip install 'clrface-bench[ntire]'": Instead(INDEX),
    "pip install --no-deps 'pyiqa>=0.1.16,<0.2'": Instead(INDEX),
    "pip install 'clrface-bench[insightface]'": Instead(INDEX),
    "pip install --no-deps 'insightface>=2.1,<3'": Instead(INDEX),
    "pip install 'clrface-bench[face-alignment]'": Instead(INDEX),
    "pip install --no-deps 'face-alignment>=1.5,<1.6'": Instead(INDEX),
    "pip install 'clrface-bench[generate]'": Instead(INDEX),
    "pip install pyiqa": Instead(INDEX),
    "clrface restore photo.jpg --method gfpgan_1_4": Instead(
        "its weights are 350 MB from GitHub; tests/unit/test_official_faces.py runs the network",
        "clrface restore photo.jpg --method unet",
    ),
    "clrface ntire --results out/ --inputs NTIRE-FR/test --points test_face.csv --year 2025": Instead(
        "takes 3 minutes: tests/runs/test_ntire.py runs it", "clrface ntire --help"
    ),
    "clrface generate --count 12600 --seed 0 --size 256 --out data/raw/generated_train": Instead(
        "takes hours", "clrface generate --count 2 --seed 0 --size 256 --out data/raw/generated_train"
    ),
    "snakemake --cores all train --configfile config/paper_training.yaml": Instead(
        "needs FFHQ and GPUs: make paper trains the networks small",
        f"{SHIPPED} && snakemake -n train --configfile config/paper_training.yaml",
    ),
    "python -m torch.distributed.run --nproc-per-node 2 -m clrface train": Instead(
        "is a part of what the workflow calls: tests/unit/test_training_processes.py runs two processes", "clrface train --help"
    ),
    "snakemake --workflow-profile profiles/slurm results/table1.csv": Instead(
        "needs Slurm", "snakemake -n --forceall --workflow-profile profiles/slurm results/table1.csv"
    ),
    f"snakemake results/table1.csv --cores 2 {SLURM_SEEN} --configfile flaky.yaml {SLURM_ASKED}": Instead(
        "needs Slurm; flaky.yaml was written for that one run",
        f"snakemake -n --forceall results/table1.csv --cores 2 {SLURM_SEEN} {SLURM_ASKED}",
    ),
    "kubectl apply -f contrib/kubernetes/profile/driver.yaml": Instead(CLUSTER),
    "kubectl wait --for=condition=Ready pod/clrface --timeout=10m": Instead(CLUSTER),
    "kubectl exec -it clrface -- bash": Instead(CLUSTER),
    "git clone ADDRESS clrface-bench && cd clrface-bench": Instead(CLUSTER),
    "make dev && . .venv/bin/activate && pip install ./contrib/kubernetes": Instead(CLUSTER),
    f"nohup snakemake {KUBERNETES} > run.log 2>&1 &": Instead(
        CLUSTER, f"PYTHONPATH=$PYTHONPATH:contrib/kubernetes snakemake -n --forceall {KUBERNETES}"
    ),
    "python -m benchmarks.chaos --configs 10000 --images 10000 --sources 2000 --weights 5000 --out chaos": Instead(
        "takes hours", "python -m benchmarks.chaos --configs 10 --images 20 --sources 10 --weights 10 --out chaos"
    ),
    "python -m benchmarks.chaos --kills 50 --disks 110 --out chaos": Instead("takes hours: tests/runs/test_chaos_runs.py runs five trials"),
    "python -m benchmarks.parity --peer pyiqa": Instead(
        "takes minutes at 512x512", "python -m benchmarks.parity --peer pyiqa --images out/ truth/"
    ),
    "python -m benchmarks.parity --peer ~/VQFR ~/RestoreFormer --python ~/peers/bin/python": Instead(
        PEERS, "python -m benchmarks.parity --help"
    ),
    "python3.10 -m venv peers": Instead(PEERS),
    f"peers/bin/pip install {PEERS_PACKAGES}": Instead(PEERS),
    "peers/bin/pip install --no-deps --no-build-isolation basicsr==1.3.3.4": Instead(PEERS),
    "git clone https://github.com/TencentARC/VQFR": Instead(PEERS),
    "git clone https://github.com/ronghuaiyang/arcface-pytorch VQFR/metric_paper/arcface": Instead(PEERS),
    "rm VQFR/metric_paper/arcface/config/__init__.py VQFR/metric_paper/arcface/models/__init__.py": Instead(PEERS),
    "git clone https://github.com/XPixelGroup/BasicSR": Instead(PEERS),
    "git clone https://github.com/TencentARC/GFPGAN": Instead(PEERS),
    "git clone https://github.com/sczhou/CodeFormer": Instead(PEERS),
    "python -m benchmarks.side_by_side --out speed": Instead(
        "takes an hour: tests/runs/test_side_by_side.py runs half of the groups", f"{SIDE_BY_SIDE} --turns 2 --out speed"
    ),
    'python -m benchmarks.side_by_side --only metrics "fid:*" --images 16 --turns 7 --threads 2 --out speed': Instead(
        "takes minutes", f"{SIDE_BY_SIDE} --turns 7 --threads 2 --out speed"
    ),
    "python -m benchmarks.side_by_side --peer BasicSR GFPGAN CodeFormer --python ~/peers/bin/python --out speed": Instead(
        PEERS, "python -m benchmarks.side_by_side --help"
    ),
    'eval "$(_CLRFACE_COMPLETE=zsh_source clrface)"': Instead("is for zsh", "_CLRFACE_COMPLETE=zsh_source clrface"),
    "_CLRFACE_COMPLETE=fish_source clrface | source": Instead("is for fish", "_CLRFACE_COMPLETE=fish_source clrface"),
}
"""Commands that are not run as they are printed."""
ON_PAGE = {
    ("docs/reference/configuration.md", "snakemake --cores all results/mine/table1.csv --configfile mine.yaml"): Instead(
        "restores 36 chunks; it is run for the smaller mine.yaml of other pages",
        "snakemake -n results/mine/table1.csv --configfile mine.yaml",
    ),
    ("docs/how-to/rerun-with-dvc.md", "dvc exp run -S config/embedded.yaml:clrface.steps=4"): Instead(
        "takes a minute: the page's first experiment is run, and this one by tests/runs/test_dvc.py"
    ),
}
"""Commands that are not run as one page prints them."""
SERVES = {"clrface demo": "clrface demo --port 0"}
"""Commands that run until they are stopped; any port that is free."""
SHOWN = [path for path in [*PAGES, *NOTEBOOKS] if blocks(path)]
OWN = [path for path in SHOWN if "how-to" in path.parts or path in NOTEBOOKS or any("/" in block.title for block in blocks(path))]
"""Pages that change the project: each has a copy to itself."""
SHARED = [path for path in SHOWN if path not in OWN]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, sources: Path, official: Path) -> PageProject:
    """A project in which everything was made once, by the command that pages give for that."""
    with closing(PageProject.make(tmp_path_factory.mktemp("made") / "clrface-bench", sources, official)) as project:
        run("snakemake --cores all", project)
    return project


@pytest.fixture(scope="module")
def shared(made: PageProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProject]:
    with closing(made.copy(tmp_path_factory.mktemp("shared") / "clrface-bench")) as project:
        yield project


@pytest.mark.parametrize("path", SHARED, ids=told)
def test_the_commands_of_a_page_run(path: Path, shared: PageProject) -> None:
    follow(path, shared)


@pytest.mark.parametrize("path", OWN, ids=told)
def test_a_page_s_files_and_commands_work_as_printed(path: Path, made: PageProject, tmp_path: Path) -> None:
    with closing(made.copy(tmp_path / "clrface-bench")) as project:
        follow(path, project)


def follow(path: Path, project: PageProject) -> None:
    """Do what a page says, from its top to its end."""
    page, mine = blocks(path), ""
    for place, block in enumerate(page):
        for command in block.commands:
            run(command, project, told(path))
        if block.title:
            project.write(block)
            mine = block.title if Path(block.title).suffix == ".yaml" and "/" not in block.title else mine
            if block.language == "yaml" and not used(block.title, page[place + 1 :]):
                project.check(*[mine] * bool(mine))
        elif block.language == "yaml":
            project.check_fragment(block, *[mine] * bool(mine))
        elif block.language == "python":
            project.python(block)


def used(name: str, later: list[Block]) -> bool:
    """Whether a command uses a file before the page prints another of that name."""
    for block in later:
        if block.title == name:
            return False
        if any(name in command for command in block.commands):
            return True
    return False


def run(command: str, project: PageProject, page: str = "") -> None:
    """Run a command, or what stands for it, once."""
    instead = ON_PAGE.get((page, command)) or INSTEAD.get(command)
    todo = instead.command if instead else command
    if not todo or todo in project.done:
        return
    if command in SERVES:
        project.serve(SERVES[command])
    else:
        project.run(todo)
    project.done.add(todo)


def test_the_tables_name_commands_of_pages_alone() -> None:
    known = {(told(path), command) for path in SHOWN for block in blocks(path) for command in block.commands}
    assert set(ON_PAGE) <= known, sorted(set(ON_PAGE) - known)
    listed = {*INSTEAD, *SERVES}
    assert listed <= {command for _, command in known}, sorted(listed - {command for _, command in known})
    assert all(instead.why for instead in (*INSTEAD.values(), *ON_PAGE.values()))
