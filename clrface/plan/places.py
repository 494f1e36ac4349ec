"""Where a run's files lie: the default's in data/ and results/, others in folders of their own
there.

Each other preset and size has its own folder. Fetched sources, installed programs and the cache of
features are shared: they depend on no preset.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clrface.config.load import load_config

SIZE = ("resolution", "template")


def place_of(config: Mapping[str, Any], default: Mapping[str, Any], presets: Path) -> str:
    """Return the folder of a checked config, under data/ and results/; empty for the default's.

    It is the preset's name. Where the resolution or the template aren't the preset's own, they are
    added, as in `paper@256`. No name has an `@`.

    Args:
        default: the default preset's config.
        presets: the folder of presets, `<name>.yaml` each; a missing one has the default's size as
            its own.
    """
    preset, shipped = config["preset"], presets / f"{config['preset']}.yaml"
    own = {**default, **(load_config([shipped]) if shipped.is_file() else {})}
    size = "-".join(str(config[key]) for key in SIZE if config[key] != own[key])
    if size:
        return f"{preset}@{size}"
    return "" if preset == default["preset"] else preset


def folder_in(top: str, place: str) -> str:
    """Return `data`, or `results`, of a place."""
    return f"{top}/{place}" if place else top
