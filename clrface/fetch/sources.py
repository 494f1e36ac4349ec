"""The entries of clrface/catalogue/sources.yaml: what a source is made of, where it may come from,
how it is checked.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from clrface.catalogue import SCHEMAS
from clrface.errors import UserError, unknown_name
from clrface.pairs import LIST
from clrface.strict_yaml import read_yaml

SCHEMA = SCHEMAS / "sources.schema.json"
COMMON_KEYS = ("kind", "file", "sha256", "bytes", "strip")
NOTES = ("about", "page", "licence", "citation")
FIRST_USE = "on_first_use"
"""Stands for a sha256 that is not published. The first download is trusted and recorded
(clrface.fetch.lock); later ones must equal it.
"""
SHIPPED = "shipped"
"""A folder of the package itself, beside the list of sources."""
DEFAULT_MAX_FILES = 200_000
DEFAULT_MAX_BYTES = 2**30


@dataclass(frozen=True)
class Archive:
    """One place that a source may come from: an archive (or a single file, or a folder) and how to
    reach it.
    """

    kind: str
    file: str
    """Its file name; the suffix says whether it is an archive. Empty for a folder."""
    sha256: str | None
    """None where nobody knows: then the manifest checks the members, or the first use decides
    (`first_use`).
    """
    size_bytes: int | None
    strip: str
    """The folder in the archive that the members lie under: taken off their names.

    `**/` takes every folder off, `**/name/` all up to the folder of that name, wherever it lies.
    """
    locator: dict[str, str]
    """What the kind's reader needs: `package` and `version`, `url`, `repository` and `commit`, ...
    """
    first_use: bool = False
    """Whether its checksum, if it has one, is that of what came first, as the lock file recorded
    it.
    """

    def __str__(self) -> str:
        return " ".join([self.kind, *(self.locator.values() or [self.file])])

    def inner(self, name: str) -> str | None:
        """A member's name without `strip`; None for one that lies elsewhere."""
        if self.strip == "**/":
            return name.rsplit("/", 1)[-1]
        if self.strip.startswith("**/"):
            _, found, rest = f"/{name}".partition(self.strip.removeprefix("**"))
            return rest if found else None
        return name.removeprefix(self.strip) if name.startswith(self.strip) else None


@dataclass(frozen=True)
class Source:
    """An entry of clrface/catalogue/sources.yaml; any one of its archives will do."""

    name: str
    archives: tuple[Archive, ...]
    members: tuple[str, ...]
    """Globs for the names after `strip`; `*` stays within one folder."""
    files: int | None
    manifest: Path | None
    """A CSV with the columns file and sha256: only these files are taken, and each is checked."""
    max_files: int
    max_bytes: int
    licence: str
    citation: str
    content: dict[str, Any]
    """The entry as written, less its notes: what decides which files it gives."""
    page: str = ""
    """Where a person finds the download; empty when the archives' addresses are enough."""
    faces: Literal["", "test", "training"] = ""
    """For a set of faces, one a file, without a manifest in git: what it is for.

    Its manifest is made when it is fetched.
    """
    aligned: bool = True
    """Whether those faces come aligned; if not, the workflow aligns them."""
    template: str = ""
    """For faces with a manifest in git that come aligned: by which template
    (clrface.align.templates).

    Empty: they don't.
    """
    listed: str = ""
    """Another source, LFW's list of pairs: only the photographs that it names are taken."""
    locked: str | None = None
    """What the members' digest must be, from the lock file: `clrface.fetch.lock`."""

    def expected(self) -> dict[str, str] | None:
        """File name to sha256, from the manifest; None for a source without.

        Raises: UserError for a manifest that is missing or lacks a column.
        """
        if self.manifest is None:
            return None
        try:
            with self.manifest.open(newline="", encoding="utf-8") as handle:
                return {row["file"]: row["sha256"] for row in csv.DictReader(handle)}
        except FileNotFoundError:
            raise UserError(f"Source '{self.name}' needs the manifest {self.manifest}, which isn't there. Restore it from git.") from None
        except KeyError as error:
            raise UserError(
                f"The manifest {self.manifest} has no column {error}. Expected the columns file and sha256: restore it from git."
            ) from None


def load_sources(path: Path, folders: Path | None = None) -> dict[str, Source]:
    """Read and check a file of sources, such as clrface/catalogue/sources.yaml. A manifest's path
    is relative to it.

    folders: what the path of a user's folder of files is relative to; the file's own folder when
    left out.

    Raises: UserError naming each wrong key by its path.
    """
    path = Path(path)
    entries = _read(path)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = sorted(Draft202012Validator(schema).iter_errors(entries), key=lambda error: error.json_path)
    if errors:
        raise UserError("\n".join([f"{path} has {len(errors)} mistake(s). Correct:", *(f"  {_explain(error)}" for error in errors)]))
    sources = {name: _source(name, entry, path, path.parent if folders is None else folders) for name, entry in entries.items()}
    return {name: _with_list(source, sources, path) for name, source in sources.items()}


def with_lists(names: Iterable[str], sources: Mapping[str, Source]) -> list[str]:
    """Those sources, and the lists that name what is taken of them; sorted."""
    names = set(names)
    return sorted(names | {sources[name].listed for name in names} - {""})


def _with_list(source: Source, sources: Mapping[str, Source], path: Path) -> Source:
    """The source, of whose content its list is a part: with another list it gives other files."""
    if not source.listed:
        return source
    if source.listed not in sources:
        raise unknown_name(f"source in {path}, {source.name}.listed,", source.listed, sources)
    listed = sources[source.listed]
    if listed.members != (LIST,) or listed.faces:
        raise UserError(f"{path}: source '{source.name}' is listed by '{listed.name}', whose members are not {LIST} alone.")
    return replace(source, content={**source.content, "list": listed.content})


def entry_digest(source: Source) -> str:
    """16 hexadecimal digits that change when the entry would give other files (or its manifest
    names others).

    The workflow puts it among a rule's `params`; SOURCE.json holds it, so that a stale folder is
    seen.
    """
    text = json.dumps([source.content, source.expected()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> Any:
    try:
        return read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"No file {path}. Expected the list of sources there: restore it from git, or correct the path.") from None


def _explain(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").removeprefix(".") or "the top level"
    return f"{where}: {' '.join(_reasons(error))}"


def _reasons(error: ValidationError) -> Iterator[str]:
    """One sentence for each thing wrong here, with the nearest name where a name is."""
    schema, found = error.schema, error.instance
    if error.validator == "additionalProperties" and isinstance(schema, dict) and isinstance(found, dict):
        allowed = schema.get("properties", {})
        yield from (str(unknown_name("key", str(key), allowed)) for key in found if key not in allowed)
    elif error.validator == "enum" and isinstance(schema, dict):
        yield str(unknown_name("value", str(found), schema["enum"]))
    else:
        yield f"{error.message}."


def _source(name: str, entry: dict[str, Any], path: Path, folders: Path) -> Source:
    manifest = entry.get("manifest")
    source = Source(
        name=name,
        archives=tuple(_archive(archive, path.parent if archive["kind"] == SHIPPED else folders) for archive in entry["archives"]),
        members=tuple(entry["members"]),
        files=entry.get("files"),
        manifest=path.parent / manifest if manifest else None,
        max_files=entry.get("max_files", DEFAULT_MAX_FILES),
        max_bytes=entry.get("max_bytes", DEFAULT_MAX_BYTES),
        licence=entry["licence"],
        citation=entry["citation"],
        content={key: value for key, value in entry.items() if key not in NOTES},
        page=entry.get("page", ""),
        faces=entry.get("faces", ""),
        aligned=entry.get("aligned", True),
        template=entry.get("template", ""),
        listed=entry.get("listed", ""),
    )
    for archive in source.archives:
        unchecked = archive.sha256 is None and archive.kind not in ("folder", SHIPPED) and manifest is None
        if unchecked and not (archive.first_use and source.files):
            raise UserError(
                f"{path}: source '{name}' takes {archive} with no sha256, so nothing would be checked. "
                "Give the archive's sha256 and bytes, or a manifest with each file's sha256, "
                f"or `sha256: {FIRST_USE}` and the number of `files`."
            )
    return source


def _archive(entry: dict[str, Any], base: Path) -> Archive:
    locator = {key: value for key, value in entry.items() if key not in COMMON_KEYS}
    if "path" in locator:
        locator["path"] = str((base / locator["path"]).resolve())
    return Archive(
        kind=entry["kind"],
        file=entry.get("file", ""),
        sha256=None if entry.get("sha256") == FIRST_USE else entry.get("sha256"),
        first_use=entry.get("sha256") == FIRST_USE,
        size_bytes=entry.get("bytes"),
        strip=entry.get("strip", ""),
        locator=locator,
    )
