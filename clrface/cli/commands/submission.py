"""The command that checks a row of finished images before it is measured."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clrface.cli.parts import PATH, Command
from clrface.cli.shared import image_ids
from clrface.errors import UserError

if TYPE_CHECKING:
    from clrface.config.rows import Row
    from clrface.finished import Block
    from clrface.plan.plan import Plan


@click.command("submit-check", cls=Command, example="clrface submit-check mine.yaml")
@click.argument("config", type=PATH)
@click.option("--method", "wanted", metavar="NAME", help="Check this row alone.")
def submit_check(config: Path, wanted: str | None) -> int:
    """Check what is missing in a config's rows of finished images.

    It reads the config as `snakemake --configfile` does, and every image. Nothing is measured. Returns 1 where something is missing.
    """
    from clrface.config.load import run_config
    from clrface.finished import WANTED, findings
    from clrface.paths import preset
    from clrface.plan.plan import read_plan
    from clrface.plan.restoring import row_blocks

    plan = read_plan(run_config([config], preset()))
    rows = [row for row in plan.rows.values() if row.folder and wanted in (None, row.name)]
    if not rows:
        named = f" named '{wanted}'" if wanted else ""
        raise UserError(f"{config} has no row of finished images{named}. Expected methods: {{mine: {{folder: path/to/images}}}}.")
    if unused := [row.name for row in rows if not row_blocks(plan, row)]:
        raise UserError(f"No table has the row '{unused[0]}'. Add it to a table's `methods`, or set them to all.")
    complete = True
    for row in rows:
        entry = {key: row.about.get(key, "") for key in WANTED} | {"folder": str(row.folder)}
        blocks = list(_blocks(plan, row))
        found = list(findings(entry, blocks))
        complete &= not found
        click.echo(f"{row.name}: " + (f"{len(found)} to put right." if found else f"complete, {size(blocks)}."))
        for sentence in found:
            click.echo(f"  {sentence}")
    return 0 if complete else 1


def size(blocks: "Sequence[Block]") -> str:
    """`120 images in 1 block of the tables`."""
    from clrface.tables.formats import count

    images = sum(len(block.ids) for block in blocks)
    return f"{count(images)} in {len(blocks)} {'block' if len(blocks) == 1 else 'blocks'} of the tables"


def _blocks(plan: "Plan", row: "Row") -> "Iterator[Block]":
    """The blocks of the tables that have a row, with the images that were made here."""
    from clrface.finished import Block
    from clrface.plan.datasets import aligned_chunks, chunk_images, degraded_chunks
    from clrface.plan.restoring import row_blocks

    for dataset, degradation in row_blocks(plan, row):
        aligned = [Path(chunk) for chunk in aligned_chunks(plan, dataset)]
        if all((chunk / "index.csv").is_file() for chunk in aligned):
            ids = [image_id for chunk in aligned for image_id in image_ids(chunk, only_ok=True)]
        else:
            ids = [one.image_id for chunk in chunk_images(plan, dataset).values() for one in chunk if not isinstance(one, int)]
        inputs = degraded_chunks(plan, dataset, degradation)
        yield Block(dataset, degradation, ids, plan.resolution, inputs, _images([Path(chunk) for chunk in inputs]), _images(aligned))


def _images(chunks: list[Path]) -> dict[str, Path]:
    return {path.stem: path for chunk in chunks for path in chunk.glob("*.png")}
