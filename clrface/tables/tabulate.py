"""The tabulating step: score files in, `<name>.csv`, `.json`, `.md` and `.tex` out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clrface.files import write_text
from clrface.tables import provenance
from clrface.tables.formats import to_csv, to_json, to_markdown, to_tex
from clrface.tables.table import TableSpec, build_table, table_to_json


def tabulate(
    spec: TableSpec,
    *,
    scores: Path,
    degraded: Path,
    weights: Mapping[str, Path],
    target: Path,
    chunks: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write the table to `target` (`results/table1.csv`) and, beside it, its `.json`, `.md` and `.tex`.

    `scores` and `degraded` are the folders of all score files and all degraded images; `weights` gives the folder of
    weights of each method that has one; `chunks` names each dataset's (None: all that are there). CSV, Markdown and TeX
    depend on the scores alone; the JSON says where they come from as well, and no file holds a time. The CSV is written
    last: where it is, the others are too.

    Raises: UserError for scores, images or weights that are missing, malformed or not of the same images.
    """
    blocks = dict.fromkeys((row.dataset, row.degradation) for row in spec.rows)
    lq = {
        (data, degradation): provenance.lq_images(degraded / data / degradation, chunks[data] if chunks else None)
        for data, degradation in blocks
    }
    table = build_table(spec, scores, {block: set(images) for block, images in lq.items()}, name=target.stem)
    content = table_to_json(table) | {
        "preset": spec.preset,
        "base_seed": spec.base_seed,
        "device": spec.device,
        "datasets": dict(spec.datasets),
        "settings": dict(spec.settings),
        "code": provenance.code_version(),
        "environment": provenance.environment(),
        "lq_sets": {"/".join(block): {"images": len(images), "sha256": provenance.lq_checksum(images)} for block, images in lq.items()},
        "weights": {method: provenance.weight_checksums(folder) for method, folder in weights.items()},
    }
    if spec.submissions:
        content["submissions"] = {name: dict(about) for name, about in spec.submissions.items()}
    for suffix, text in ((".json", to_json(content)), (".md", to_markdown(table)), (".tex", to_tex(table)), (".csv", to_csv(table))):
        write_text(target.with_suffix(suffix), text)
