"""What fetching will cost, told before it begins."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from clrface.fetch.install import is_fetched
from clrface.fetch.sources import Source


def tell_sizes(sources: Sequence[Source], raw_folder: Path) -> str:
    """The sources still to be fetched with their archives' bytes, the total, and the free space
    where they go, as text.
    """
    missing = [source for source in sources if not is_fetched(source, raw_folder)]
    if not missing:
        return f"All {len(sources)} sources are there; nothing to fetch."
    sizes = [(source.name, _bytes(source)) for source in missing]
    known = [size for _, size in sizes if size is not None]
    unknown = len(sizes) - len(known)
    lines = [f"  {name:24} {f'{size:,} bytes' if size is not None else 'size not published':>20}" for name, size in sizes]
    total = f"{sum(known):,} bytes to download" + (f", and {unknown} of unknown size" if unknown else "")
    place = next(folder for folder in (Path(raw_folder).absolute(), *Path(raw_folder).absolute().parents) if folder.exists())
    free = f"free there: {shutil.disk_usage(place).free:,} bytes; an archive and its extracted files both stay"
    return "\n".join([f"To fetch: {len(missing)} of {len(sources)} sources.", *lines, f"In all {total} ({free})."])


def _bytes(source: Source) -> int | None:
    """Of the first of its archives that says so."""
    return next((archive.size_bytes for archive in source.archives if archive.size_bytes is not None), None)
