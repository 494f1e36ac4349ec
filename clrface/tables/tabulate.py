"""The tabulating step: from score files to `<name>.csv`, `.json`, `.md` and `.tex`."""

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
    """Write the table to `target` (`results/table1.csv`) and, beside it, its `.json`, `.md` and
    `.tex`.

    CSV, Markdown and TeX depend on the scores alone. The JSON also says where they come from. No
    file holds a time. The CSV is written last, so that its presence implies the others'.

    Args:
        scores: the folder of all score files.
        degraded: the folder of all degraded images.
        weights: a method's name to its folder of weights.
        target: the CSV.
        chunks: each dataset's chunks; None: all that are there.

    Raises: UserError for scores, images or weights that are missing, malformed or not of the same
    images.
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
