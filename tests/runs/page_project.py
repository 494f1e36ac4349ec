"""The project as the reader of a page has it: a clone with a small default preset, in which everything is made."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import yaml

from clrface.files import sha256_file
from clrface.fingerprint import ROOT
from clrface.forkserver import SOCKET
from clrface.forkserver.start import ONE_THREAD
from tests.copies import copy_project
from tests.pages import Block
from tests.runs.page_inputs import INPUTS, PRELUDE
from tests.shelf import CLOSED

COPIED = (
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "Snakefile",
    "benchmarks",
    "clrface",
    "config",
    "contrib",
    "dvc.yaml",
    "environment.yml",
    "profiles",
    "pyproject.toml",
    "requirements.lock",
    "results/reference",
    "results/weights.json",
    "tests",
    "workflow",
)
PLACED = r"(?<![\w/.-]){}/?(?![\w/.-])"
"""A file's or folder's name as a word of a command or of a config."""
PLAN = """
import sys
from pathlib import Path
from clrface.config.load import run_config
from clrface.paths import preset
from clrface.plan.plan import read_plan
read_plan(run_config([Path(name) for name in sys.argv[1:]], preset()))
"""
WORKS = re.compile(r"^(snakemake --cores|dvc)\b")
"""A command that starts the workflow's steps."""
COMMITTER = {f"GIT_{who}_{what}": f"{who}@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class PageProject:
    """A folder in which a page's commands are run, and its files written."""

    def __init__(self, folder: Path, mirrors: list[Path]) -> None:
        self.folder, self.mirrors = folder, mirrors
        self.done: set[str] = set()
        """Commands that were run here, and aren't run again until a page writes a file that they may read."""
        self.socket = TemporaryDirectory(prefix="clrface-fork-", ignore_cleanup_errors=True)
        self.server: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls, folder: Path, sources: Path, official: Path) -> "PageProject":
        """A clone with a small preset; what the package index gives is fetched, and what it doesn't is in a mirror."""
        copy_project(folder, COPIED)
        project = cls(folder, list(official.iterdir()))
        link_each(sources, folder / "data/raw")
        link_each(ROOT / "models", folder / "models")
        (folder / ".venv").symlink_to(sys.prefix)
        project.run("git init --quiet . && git add --all && git commit --quiet -m 'The project'")
        project.change("config/embedded.yaml", small_preset)
        project.change("clrface/catalogue/protocols.yaml", small_protocols)
        project.change("clrface/catalogue/sources.yaml", lambda entries: mirror_official(entries, official))
        project.run("git commit --quiet --all -m 'A small preset'")
        return project

    def copy(self, folder: Path) -> "PageProject":
        """This folder as it lies, under another path. What was run in it needs no second run."""
        shutil.copytree(self.folder, folder, symlinks=True)
        copied = PageProject(folder, self.mirrors)
        copied.done |= self.done
        return copied

    def change(self, name: str, changed: Any) -> None:
        """Rewrite a YAML file by a function of its content."""
        path = self.folder / name
        path.write_text(yaml.safe_dump(changed(yaml.safe_load(path.read_text(encoding="utf-8"))), sort_keys=False, width=200))

    def run(self, command: str) -> str:
        """Run a command of a page as bash does, and return what it printed. An error is the test's failure."""
        self.give(command)
        if WORKS.match(command):
            self.start_forks()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\nexit code {done.returncode}"
        assert "Traceback" not in done.stdout, f"$ {command}\n{done.stdout}"
        return done.stdout

    def start_forks(self) -> None:
        """Start a server in whose forks all steps run that are started here. Snakemake starts one too, for ten jobs or more."""
        if self.server is None and hasattr(os, "pidfd_open"):
            command = [sys.executable, "-m", "clrface.forkserver.server", f"{self.socket.name}/socket", str(os.getpid())]
            alone = self.environment() | dict.fromkeys(ONE_THREAD, "1")
            self.server = subprocess.Popen(command, cwd=self.folder, env=alone, start_new_session=True)

    def close(self) -> None:
        if self.server:
            self.server.terminate()
            self.server.wait()
        self.socket.cleanup()

    def serve(self, command: str) -> None:
        """Start a command that serves a page, read the page, and stop it as Ctrl-C does."""
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "text": True}
        given = {"cwd": self.folder, "env": self.environment(), "preexec_fn": hear_interrupts}
        with subprocess.Popen(shlex.split(command), **output, **given) as server:
            said = ""
            assert server.stdout is not None
            try:
                while not (address := re.search(r"http://\S+", said)) and (line := server.stdout.readline()):
                    said += line
                assert address, f"$ {command}\n{said}"
                with urlopen(address[0], timeout=60) as page:
                    assert b"CLR-Face" in page.read()
                server.send_signal(signal.SIGINT)
                rest, _ = server.communicate(timeout=60)
            finally:
                server.kill()
            assert server.returncode == 0 and "Traceback" not in rest, f"$ {command}\n{said}{rest}"

    def environment(self) -> dict[str, str]:
        """The environment of `. .venv/bin/activate`, with this folder's clrface, mirrors in place of a network, and a name for git."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CLRFACE_", "GIT_", "PYTEST_"))}
        mirrors = [os.environ.get("CLRFACE_MIRRORS", ""), *map(str, [*(ROOT / "data/downloads").glob("*"), *self.mirrors])]
        own = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(self.folder),
            SOCKET: f"{self.socket.name}/socket",
            "CLRFACE_MIRRORS": os.pathsep.join(filter(None, mirrors)),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{CLOSED}/simple",
            "NO_COLOR": "1",
        }
        return kept | COMMITTER | own

    def give(self, text: str) -> None:
        """Make the files and folders that a command or a config names and a page's reader has."""
        for name, make in INPUTS.items():
            if re.search(PLACED.format(re.escape(name)), text) and not (self.folder / name).exists():
                make(self.folder / name)

    def write(self, block: Block) -> None:
        """Write a file that a page prints; into a YAML file of the catalogue, its entries."""
        path = self.folder / block.title
        self.done -= {command for command in self.done if "/" in block.title or block.title in command}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".yaml":
            self.give(block.text)
        if path.parts[-2] != "catalogue":
            path.write_text(block.text, encoding="utf-8")
            return
        self.change(block.title, lambda content: laid_over(content, yaml.safe_load(self.measured(block.text))))

    def measured(self, entry: str) -> str:
        """A source's entry with its archive's size and checksum in place of the page's examples, as the page says."""
        archive = next((path for name in re.findall(r"^ *file: (\S+)", entry, re.M) for path in self.folder.glob(f"*/{name}")), None)
        if archive is None:
            return entry
        return re.sub(r"\b0{64}\b", sha256_file(archive), re.sub(r"bytes: \d+", f"bytes: {archive.stat().st_size}", entry))

    def check(self, *configs: str) -> None:
        """Plan a run by configs, laid over one another: the catalogue and every card is read for it."""
        self.run(f"python - {' '.join(configs)} <<'END'\n{PLAN}END")

    def check_fragment(self, block: Block, *configs: str) -> None:
        """Plan a run by a part of a config that a page shows, laid over the config that it belongs to."""
        self.give(block.text)
        (self.folder / "fragment.yaml").write_text(block.text, encoding="utf-8")
        self.check(*configs, "fragment.yaml")

    def python(self, block: Block) -> None:
        """Run Python as printed, after lines that give it images under the names that pages use."""
        self.give(f"photo.jpg truth\n{block.text}")
        (self.folder / "page.py").write_text(PRELUDE + block.text, encoding="utf-8")
        self.run("python page.py")


def hear_interrupts() -> None:
    """A background job, as CI may be, ignores them, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def link_each(folder: Path, links: Path) -> None:
    """A folder with a link to each entry of another: what is added to it stays in it."""
    links.mkdir(parents=True)
    for entry in folder.iterdir():
        (links / entry.name).symlink_to(entry)


def small_preset(content: dict[str, Any]) -> dict[str, Any]:
    """The default preset with 8 + 4 faces, 3 rows, and 2 tables of those that pages name."""
    content["datasets"] = {"orl": {"identities": 4, "images_per_identity": 2, "gallery": 4}, "lfw25": {"images": 4, "reference": "orl"}}
    content["methods"] = {name: content["methods"][name] for name in ("input", "unet", "clrface")}
    content["tables"] = {name: content["tables"][name] for name in ("table1", "table5")}
    content["tables"]["table5"].pop("variants")
    content["sweeps"]["steps"] |= {"images": 2, "grid": {"start": ["irn"], "solver": ["ddim"], "steps": [1, 2]}, "metrics": ["psnr"]}
    content["clrface"]["steps"] = 2
    content["cost"] |= {"images": 2, "rounds": 1}
    return content | {"bootstrap": 50}


def small_protocols(content: dict[str, Any]) -> dict[str, Any]:
    """One metric in each of the protocols whose tables pages make."""
    one = {"embedded": "psnr", "ablation": "psnr", "real_world": "niqe"}
    return {name: entry | ({"metrics": [one[name]]} if name in one else {}) for name, entry in content.items()}


def mirror_official(content: dict[str, Any], official: Path) -> dict[str, Any]:
    """Sources whose weights can't be had here: random ones (tests/unit/official_weights.py), published in a mirror."""
    for folder in official.iterdir():
        for path in folder.iterdir():
            if any(place["file"] == path.name for place in content[folder.name]["archives"]):
                checked = {"file": path.name, "sha256": sha256_file(path), "bytes": path.stat().st_size}
                content[folder.name]["archives"] = [{"kind": "mirror"} | checked]
    return content


def laid_over(content: dict[str, Any], entries: dict[str, Any]) -> dict[str, Any]:
    """A catalogue with further entries. One of a name that is there replaces it."""
    merged = dict(content)
    for name, entry in entries.items():
        group = isinstance(entry, dict) and all(isinstance(value, dict) for value in entry.values())
        merged[name] = laid_over(content[name], entry) if group else entry
    return merged
