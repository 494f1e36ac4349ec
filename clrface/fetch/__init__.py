"""Fetch every file that isn't ours, checked against clrface/catalogue/sources.yaml.

    sources = load_sources(Path("clrface/catalogue/sources.yaml"))
    fetch("orl", sources, Path("data/raw"), Path("data/downloads"), mirrors=[])

`sources` reads the entries, and `readers` holds one reader a kind. `download` tries mirrors and
readers until an archive has the right checksum. `archives` extracts members, and `install` puts
them in place.
"""

from clrface.fetch.install import RECORD, fetch, is_fetched
from clrface.fetch.sources import Archive, Source, entry_digest, load_sources

__all__ = ["RECORD", "Archive", "Source", "entry_digest", "fetch", "is_fetched", "load_sources"]
