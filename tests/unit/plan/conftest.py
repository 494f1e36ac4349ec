"""Plans of the embedded preset, as it is and with changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from clrface.config.load import load_config
from clrface.fingerprint import ROOT
from clrface.plan.plan import Plan, read_plan

Planner = Callable[..., Plan]


@pytest.fixture(scope="session")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """Makes the plan of some files of config/ (embedded, then `over`), and changes laid over them; on the processor."""
    folder = tmp_path_factory.mktemp("config")

    def plan(*over: str, **changes: Any) -> Plan:
        path = folder / "changes.yaml"
        path.write_text(yaml.safe_dump({"device": "cpu"} | changes))
        files = [ROOT / "config" / f"{name}.yaml" for name in ("embedded", *over)]
        return read_plan(load_config([*files, path]))

    return plan


@pytest.fixture(scope="session")
def plan(planner: Planner) -> Plan:
    """The embedded preset's."""
    return planner()


@pytest.fixture(scope="session")
def paper(planner: Planner) -> Plan:
    """The paper's size and sets."""
    return planner("paper")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of two images."""
    from PIL import Image

    for name, level in (("b", 10), ("a", 20)):
        Image.new("RGB", (8, 8), (level, level, level)).save(tmp_path / f"{name}.png")
    return tmp_path
