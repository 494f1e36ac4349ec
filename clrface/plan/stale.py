"""Find tables of another config that Snakemake would keep, because its records of them are gone.

Snakemake reruns a job with changed parameters only where `.snakemake/metadata` has the old ones.
Without that record it keeps any file. So a table's json states its own settings, which are compared
with the config's before a run.
"""

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from clrface.api import MethodCard
from clrface.config.rows import rows, table_datasets
from clrface.errors import UserError
from clrface.plan.places import folder_in

RECORDS = ("metadata", "incomplete")
"""Under .snakemake: the records of finished and of interrupted outputs."""
BEFORE_SETTINGS = ("resolution", "base_seed", "bootstrap", "protocol", "datasets")
"""The keys of older tables' json files, which lack `settings`."""


def table_settings(config: Mapping[str, Any], methods: Mapping[str, MethodCard], table: str) -> dict[str, Any]:
    """Return what the numbers of a valid config's table depend on, as plain JSON values."""
    entry = config["tables"][table]
    chosen = rows(config, methods, table)
    return {
        **{key: config[key] for key in ("resolution", "base_seed", "bootstrap", "template", "seeds", "weights")},
        "protocol": entry.get("protocol", config["protocol"]),
        "degradations": list(entry["degradations"]),
        "datasets": {name: config["datasets"][name] for name in table_datasets(config, table)},
        "rows": {row.name: row.params if row.method else str(row.folder) for row in chosen},
    }


def refuse_stale(config: Mapping[str, Any], methods: Mapping[str, MethodCard], folder: Path = Path(), place: str = "") -> None:
    """Compare every table of a place, in `folder`, whose records Snakemake has lost, with the
    config.

    Raises: UserError naming the table and what differs.
    """
    data, results = folder_in("data", place), folder_in("results", place)
    for table in config["tables"]:
        path = folder / results / f"{table}.json"
        made = _read(path)
        changed = _differences(made, json.loads(json.dumps(table_settings(config, methods, table))))
        if not changed:
            continue
        lost = next((product for product in _products(made, path, folder, data, results) if not is_recorded(product, folder)), None)
        if lost:
            raise UserError(
                f"{path} is of another config ({'; '.join(changed)}), and Snakemake's records of {lost.relative_to(folder)} are gone "
                "(.snakemake/metadata): it would take old files for new ones. Fetched data may stay; remove the rest and run again: "
                f"rm -r {data}/aligned {data}/degraded {data}/gallery {results}/restored {results}/scores {results}/table*"
            )


def is_recorded(product: Path, folder: Path = Path()) -> bool:
    """Return whether Snakemake has a record of an output, finished or not.

    Records are named by the output's path in base64.
    """
    name = urlsafe_b64encode(product.relative_to(folder).as_posix().encode()).decode()
    size = (os.pathconf(folder, "PC_NAME_MAX") or 255) - 1
    *parents, last = [name[start : start + size] for start in range(0, len(name), size)]
    return any(Path(folder, ".snakemake", kind, *(f"@{part}" for part in parents), last).is_file() for kind in RECORDS)


def _read(path: Path) -> dict[str, Any]:
    """Return a table's json; empty for a missing or unreadable one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast(dict[str, Any], content) if isinstance(content, dict) else {}


def _differences(made: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return `resolution 64, now 96`, a line a setting; for settings that are mappings, the names
    that differ.
    """
    known = made.get("settings") or {key: made[key] for key in BEFORE_SETTINGS if key in made}
    told: list[str] = []
    for key in [key for key in wanted if key in known and known[key] != wanted[key]]:
        old: object = known[key]
        new: object = wanted[key]
        if isinstance(old, dict) and isinstance(new, dict):
            before, after = cast(dict[str, Any], old), cast(dict[str, Any], new)
            names = sorted(name for name in before if before[name] != after.get(name))  # what is new is made anyway
            told += [f"other {key}: {', '.join(names)}"] if names else []
        else:
            told.append(f"{key} {_short(known[key])}, now {_short(wanted[key])}")
    return told


def _short(value: object) -> str:
    return ", ".join(map(str, cast(list[object], value))) if isinstance(value, list) else str(value)


def _products(made: Mapping[str, Any], path: Path, folder: Path, data: str, results: str) -> Iterator[Path]:
    """Return a table, and what it was made from."""
    yield path
    for row in made.get("rows", ()):
        block = Path(row["dataset"], row["degradation"])
        scores = folder.glob(f"{results}/scores/{block / row['method']}/*/*.csv")
        yield from (score for score in scores if not score.name.endswith(".replicates.csv"))
        yield from folder.glob(f"{results}/restored/{block / row['method']}/*/*")
        yield from folder.glob(f"{data}/degraded/{block}/*")
        yield from folder.glob(f"{data}/aligned/{row['dataset']}/*")
