"""Cards of methods in a repository of their own: `clrface/baselines/external/<name>.yaml`.

clrface.restoration.external fetches and runs them. Nothing heavy is imported here.
"""

import shutil
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path

from clrface.api import MethodCard
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.strict_yaml import read_yaml

FOLDER = ROOT / "clrface" / "baselines" / "external"
NOT_RUN = "not run"
"""The start of the status of an image whose method can't run on this machine."""
PACKAGES = "site-packages/"
"""The start of a place of weights among the packages of the card's environment."""
SEE = "See docs/how-to/add-a-method.md, In a repository."


@dataclass(frozen=True)
class ExternalCard:
    """What a repository says of itself, as a YAML file."""

    name: str
    label: str
    paper: str
    repository: str
    """A URL, or a path, that git can clone; empty if there is none, in a card that states the
    reason in `unable`.
    """
    commit: str
    """40 hexadecimal digits; a branch would move. Empty where the repository is."""
    licence: str
    requirements: str
    """Pinned, in pip's format: the environment."""
    command: str
    """Run in the repository's root, with {python}, {input}, {output} and {seed} filled in."""
    output: str = "{image_id}.png"
    """Where a restored image lies, under {output}."""
    weights: dict[str, str] = field(default_factory=dict)
    """Where in the repository a file of weights belongs, to the fetched file: `{models/net.pth:
    difface/net.pth}`. A place that begins with `site-packages/` is in the environment's packages.
    """
    resolution: int = 0
    device: str = "cpu"
    """cpu, or cuda if the program needs it."""
    stochastic: bool = True
    unable: str = ""
    """Why the card can't run anywhere yet, e.g. weights that are not available; empty if it can."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the entries of clrface/catalogue/sources.yaml that hold the weights."""
        return tuple(dict.fromkeys(file.split("/")[0] for file in self.weights.values()))

    def as_method(self) -> MethodCard:
        """Return the card as a MethodCard."""
        return MethodCard(
            self.name,
            self.label,
            self.stochastic,
            self.paper,
            self.licence,
            assets=self.sources,
            resolution=self.resolution,
            external=True,
            unable=self.unable,
        )

    def why_not(self, has_cuda: bool) -> str:
        """Return why it can't run here; empty when it can."""
        return self.unable or ("needs a CUDA device" if self.device == "cuda" and not has_cuda else "")


def has_cuda(device: str) -> bool:
    """Return whether external programs find a CUDA device, where `device` is the config's.

    It doesn't ask torch, since the programs have their own.
    """
    return device == "cuda" or (device == "auto" and shutil.which("nvidia-smi") is not None)


def external_path(name: str, folder: Path = FOLDER) -> Path:
    """Return the path of a card."""
    return folder / f"{name}.yaml"


def read_external(path: Path) -> ExternalCard:
    """Read a card. Raises: UserError naming what is missing, unknown or wrong."""
    path = Path(path)
    try:
        content = read_yaml(path)
    except OSError as error:
        raise UserError(f"Can't read {path} ({error}). {SEE}") from error
    if problem := _key_problem(content):
        raise UserError(f"{path} is no card of an external method: {problem}. {SEE}")
    card = ExternalCard(**content)
    problem = _problem(card)
    if problem:
        raise UserError(f"{path}: {problem}. {SEE}")
    if card.name != path.stem:
        raise UserError(f"{path} has the name '{card.name}', but the file's name says '{path.stem}'. Make them the same.")
    return card


def _key_problem(content: object) -> str:
    """Return what is wrong with a card's keys; empty for nothing."""
    if not isinstance(content, dict):
        return f"found {content!r}, expected a mapping of keys to values"
    wanted = fields(ExternalCard)
    names = [one.name for one in wanted]
    if unknown := [str(key) for key in content if key not in names]:
        near = get_close_matches(unknown[0], names, n=1, cutoff=0.5)
        return f"unknown key '{unknown[0]}'." + (f" Did you mean '{near[0]}'?" if near else "") + f" Allowed: {', '.join(names)}"
    needed = [one.name for one in wanted if one.default is MISSING and one.default_factory is MISSING]
    missing = [name for name in needed if name not in content]
    return f"it lacks {', '.join(missing)}" if missing else ""


def _origin_problem(card: ExternalCard) -> str:
    """Return what is wrong with the origin of the code; empty for nothing."""
    if card.repository == card.commit == "":
        return "" if card.unable else "it has no repository and no commit. Give both, or say in `unable` why there are none"
    if not isinstance(card.repository, str) or not card.repository or card.repository.startswith("-"):
        return f"repository '{card.repository}' is no URL or path (one with a leading '-' would be an option of git)"
    if not isinstance(card.commit, str) or len(card.commit) != 40 or set(card.commit) - set("0123456789abcdef"):
        return f"commit '{card.commit}' is not one of 40 hexadecimal digits. A branch or tag can move: give the commit"
    return ""


def _is_inside(place: str) -> bool:
    """Return whether a path stays in the repository, and can't be read as a command's option."""
    return not (place.startswith("-") or Path(place).is_absolute() or ".." in Path(place).parts)


def _problem(card: ExternalCard) -> str:
    """Return what is wrong with a card's values; empty for nothing."""
    if problem := _origin_problem(card):
        return problem
    if card.device not in ("cpu", "cuda"):
        return f"device '{card.device}' is neither cpu nor cuda"
    if not isinstance(card.weights, dict) or not all(map(_is_inside, card.weights)):
        return f"weights {card.weights} must map places inside the repository, none with a leading '-', to fetched files"
    if "{image_id}" not in card.output:
        return f"output '{card.output}' has no {{image_id}}"
    try:
        card.command.format(python="", input="", output="", seed="")
        card.output.format(image_id="")
    except (KeyError, IndexError, ValueError) as error:
        return f"command or output has an unknown placeholder ({error}); expected {{python}}, {{input}}, {{output}}, {{seed}}; {{image_id}}"
    return ""
