"""The config: its files merged, checked against the schema and the names that exist, and resolved to the rows of a table.

Nothing heavy is imported here: the workflow calls this while it builds its graph, before any work.
"""

import itertools
import json
import math
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from clrface.api import MethodCard
from clrface.catalogue import SCHEMAS
from clrface.errors import UserError
from clrface.schedule import pixel_steps_problem, steps_problem
from clrface.strict_yaml import read_yaml, typed

SCHEMA = SCHEMAS / "config.schema.json"
WEIGHTS = ("shipped", "fit")
COSTS = ("evaluations", "seconds")
"""The columns of a sweep that say what a point costs."""
TAKEN = ("overview", "mask", "losses", "codebook", "table6", "claims", "weights")
FIGURES = ("samples", "failures", "chart", "roc")
"""Of a table: results/figures/<table>_<figure>.png and .pdf."""
TAKEN_NAME = "another result's files have this name. Choose another."
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

KeyPath = tuple[Any, ...]
Mistake = tuple[KeyPath, str]


@dataclass(frozen=True)
class Known:
    """The names that a config may use."""

    methods: Mapping[str, MethodCard]
    protocols: Collection[str]
    recipes: Collection[str]
    manifests: Collection[str]
    """The datasets that have a manifest."""
    metrics: Collection[str]
    sets: Mapping[str, str] = field(default_factory=dict)
    """Sets of aligned faces without a manifest in git, whose source says how many there are, and what each is for: test or training."""

    @property
    def test_sets(self) -> list[str]:
        """The names that `datasets` may have."""
        return [*self.manifests, *(name for name, use in self.sets.items() if use == "test")]


@dataclass(frozen=True)
class Row:
    """One row of a table: a method with all its parameters, or a folder of finished images."""

    name: str
    label: str
    method: str | None
    """The method that runs; None for a folder of finished images."""
    params: dict[str, Any]
    """Every parameter of the method's card, with its value."""
    folder: Path | None = None


def load_config(paths: Sequence[Path]) -> dict[str, Any]:
    """Read YAML files and lay each over those before it, as Snakemake's `--configfile` does.

    Mappings are merged key by key, at any depth; anything else, a list too, replaces what was there.

    Raises: UserError for a file that is missing, is not YAML or holds no mapping.
    """
    config: dict[str, Any] = {}
    for path in paths:
        config = _merged(config, _read_yaml(Path(path)))
    return config


def take_overrides(config: dict[str, Any], files: Sequence[Path], given: Mapping[str, Any]) -> None:
    """Put right what Snakemake loses of a config: nested values of `--config`, `given`, arrive as strings.

    files: `--configfile`'s, read once more only for keys that stand twice. Raises: UserError for those.
    """
    for path in files:
        read_yaml(path)
    config |= _merged(config, {key: typed(value) for key, value in given.items()})


def leave_out(config: dict[str, Any]) -> None:
    """Take away the datasets, tables, sweeps, variants and protocols that are null: a file over a profile can do it no other way."""
    _without_nulls(config, "datasets", "tables", "sweeps", "variants", "protocols")
    for table in _entries(config, "tables").values():
        if isinstance(table, dict):
            _without_nulls(table, "variants")


def _without_nulls(block: dict[str, Any], *keys: str) -> None:
    for key in keys:
        if isinstance(block.get(key), Mapping):
            block[key] = {name: entry for name, entry in block[key].items() if entry is not None}


def validate_config(config: Mapping[str, Any], known: Known, folder: Path = Path()) -> None:
    """Check a merged config: its keys, types, ranges and names, and that the folders it names exist, relative to `folder`.

    Raises: one UserError with a line for each mistake, in the order of the config's keys. A line gives the key's
    path, what was found, what is allowed and, for a name, the nearest one.
    """
    mistakes = find_mistakes(config, _schema(config, known), folder)
    mistakes += _unknown_entries(config, "methods", known.methods, "For images restored elsewhere")
    mistakes += _unknown_entries(config, "datasets", known.test_sets, "For a test set of your own")
    mistakes += _taken_names(config, known)
    mistakes += _wrong_sizes(config, known)
    mistakes += _wrong_sweeps(config)
    mistakes += _without_truth(config, known)
    mistakes = mistakes or [*_wrong_steps(config, known), *_uneven_batches(config)]
    tell_mistakes("The config", config, mistakes)


def find_mistakes(content: object, schema: Mapping[str, Any], folder: Path = Path()) -> list[Mistake]:
    """What a YAML file's content has that its schema (without `$ref`) doesn't allow: the key's path, and what is wrong with it."""
    return [mistake for error in _validator(schema, folder).iter_errors(content) for mistake in _explain(error)]


def tell_mistakes(what: str, content: object, mistakes: Sequence[Mistake]) -> None:
    """Raise one UserError with a line for each mistake, in the order of the content's keys; nothing for none."""
    if mistakes:
        ordered = sorted(mistakes, key=lambda mistake: _position(content, mistake[0]))
        lines = dict.fromkeys(f"  {_dotted(path)}: {text}" for path, text in ordered)
        raise UserError("\n".join([f"{what} has mistakes; nothing was run.", *lines]))


def wrong_name(path: KeyPath, found: object, kind: str, names: Sequence[str]) -> Mistake:
    """The mistake of a name that is none of `names`, with the nearest one. kind: what it should name, `a metric`."""
    return path, f"found {_found(found)}, expected {kind}.{_allowed(found, names)}"


def rows(config: Mapping[str, Any], methods: Mapping[str, MethodCard], table: str | None = None) -> list[Row]:
    """The rows that all tables share, of a valid config, methods first, then variants; or one table's: in its order, then its own variants.

    A parameter's value is the method's own default, overridden by the config's block of the method's name
    (`clrface:`), by the entry under `methods`, and by the variant, in this order.
    """
    found = []
    for name, entry in config["methods"].items():
        if "folder" in entry:
            found.append(Row(name, name, None, {}, Path(entry["folder"])))
        else:
            found.append(Row(name, methods[name].label, name, _params(config, methods[name])))
    found += [_variant(name, variant, config, methods) for name, variant in config["variants"].items()]
    if table is None:
        return found
    entry = config["tables"][table]
    wanted, by_name = entry.get("methods", "all"), {row.name: row for row in found}
    own = [_variant(name, variant, config, methods) for name, variant in entry.get("variants", {}).items()]
    return (found if wanted == "all" else [by_name[name] for name in wanted]) + own


def all_rows(config: Mapping[str, Any], methods: Mapping[str, MethodCard]) -> list[Row]:
    """Every row of a valid config: those that all tables share, and each table's own."""
    found = {row.name: row for table in [None, *config["tables"]] for row in rows(config, methods, table)}
    return list(found.values())


def _variant(name: str, variant: Mapping[str, Any], config: Mapping[str, Any], methods: Mapping[str, MethodCard]) -> Row:
    [(method, changes)] = variant.items()
    told = ", ".join(f"{key} {value}" for key, value in changes.items())
    return Row(name, f"{methods[method].label} ({told})", method, _params(config, methods[method]) | changes)


def table_datasets(config: Mapping[str, Any], table: str) -> list[str]:
    """The names of a table's test sets, of a valid config; `all` means those with ground truth."""
    wanted = config["tables"][table]["datasets"]
    return [name for name in config["datasets"] if has_truth(config, name)] if wanted == "all" else list(wanted)


def has_truth(config: Mapping[str, Any], dataset: str) -> bool:
    """Whether a test set has ground truth: it has none if the config names a reference instead."""
    return "reference" not in (config["datasets"].get(dataset) or {})


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        raise UserError(f"Can't read the config {path} ({error.strerror}). Expected a YAML file there: correct the path.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds {_found(content)}, expected a mapping of keys to values, as in config/embedded.yaml.")
    return content


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merged(old if isinstance(old, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return merged


def _params(config: Mapping[str, Any], card: MethodCard) -> dict[str, Any]:
    """A method's parameters as its own row has them. CLR-Face, and its parts, alone have a block at the top of the config."""
    block = config["clrface"] if card.family == "clrface" else {}
    return {**card.params, **block, **config["methods"].get(card.name, {})}


# ---- the schema, narrowed to the names that exist


def _schema(config: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The schema with its open names narrowed to those that exist, and every `$ref` replaced by what it stands for."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts, keys = schema["$defs"], schema["properties"]
    parts["protocol"]["enum"] = sorted({*known.protocols, *_entries(config, "protocols")})
    parts["recipe"]["enum"] = sorted(known.recipes)
    parts["manifest"]["enum"] = sorted([*known.manifests, *(name for name, use in known.sets.items() if use == "training")])
    parts["dataset"]["enum"] = list(_entries(config, "datasets"))
    parts["row"]["enum"] = [*_entries(config, "methods"), *_entries(config, "variants")]
    described = {name: parts.get(card.family, {}).get("properties", {}) for name, card in known.methods.items()}
    described = {name: known_keys | parts.get(name, {}).get("properties", {}) for name, known_keys in described.items()}
    params = {name: _params_schema(card, described[name]) for name, card in known.methods.items()}
    parts["clrface"] = params.get("clrface", parts["clrface"])
    parts["metric"]["enum"] = sorted(known.metrics)
    values = parts["clrface"]["properties"]
    parts["grid"]["properties"] = {
        name: {"type": "array", "items": value, "minItems": 1, "uniqueItems": True} for name, value in values.items()
    }
    keys["methods"]["properties"] = params
    parts["variant"]["properties"] = {name: part | {"minProperties": 1} for name, part in params.items()}
    keys["datasets"]["properties"] = {name: {"$ref": "#/$defs/manifest_dataset"} for name in known.manifests}
    keys["datasets"]["properties"] |= {name: {"$ref": "#/$defs/set_dataset"} for name in known.test_sets if name in known.sets}
    return _inlined(schema, parts)


def _params_schema(card: MethodCard, described: Mapping[str, Any]) -> dict[str, Any]:
    """What a method's entry may hold: its card's parameters, as the schema describes them or else by their defaults' types."""
    properties = {name: described.get(name) or _type_of(default) for name, default in card.params.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _type_of(default: object) -> dict[str, str]:
    types = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return {"type": types[type(default)]} if type(default) in types else {}


def _inlined(part: Any, defs: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(item, defs) for item in part]
    if not isinstance(part, dict):
        return part
    own = {key: _inlined(value, defs) for key, value in part.items() if key != "$ref"}
    return {**_inlined(defs[part["$ref"].removeprefix("#/$defs/")], defs), **own} if "$ref" in part else own


def _validator(schema: Mapping[str, Any], folder: Path) -> Any:
    """JSON Schema 2020-12, with 8.0 no integer, NaN and infinity no numbers, and formats that look at the disk."""
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
        }
    )
    formats = FormatChecker(formats=())
    formats.checks("folder")(lambda value: not isinstance(value, str) or (folder / value).is_dir())
    formats.checks("weights")(lambda value: not isinstance(value, str) or _are_weights(value, folder))
    return extend(Draft202012Validator, type_checker=types)(schema, format_checker=formats)


def _are_weights(value: str, folder: Path) -> bool:
    return value in WEIGHTS or (folder / value).is_dir() or HUB_ID.fullmatch(value) is not None


# ---- mistakes, told


def _unknown_entries(config: Mapping[str, Any], key: str, names: Collection[str], otherwise: str) -> list[Mistake]:
    """The entries under a key that neither have a known name nor bring a folder."""
    unknown = [name for name, entry in _entries(config, key).items() if name not in names and "folder" not in (entry or {})]
    return [((key, name), f"unknown name.{_allowed(name, sorted(names))} {otherwise}: {{folder: path}}.") for name in unknown]


def _taken_names(config: Mapping[str, Any], known: Known) -> list[Mistake]:
    """Variants called like a method, or like another variant with other parameters; the very same one may stand twice."""
    methods, mistakes, seen = {*_entries(config, "methods"), *known.methods}, [], {}
    for path, entry in _variants(config).items():
        name = path[-1]
        if name in methods:
            mistakes.append((path, "a method has this name. Choose another."))
        elif seen.setdefault(name, entry) != entry:
            mistakes.append((path, "another variant, with other parameters, has this name. Choose another."))
    return mistakes


def _variants(config: Mapping[str, Any]) -> dict[KeyPath, Mapping[str, Any]]:
    """Each variant by its path, every table's own too."""
    tables = {table: entry for table, entry in _entries(config, "tables").items() if isinstance(entry, Mapping)}
    places: dict[KeyPath, Mapping[str, Any]] = {("variants",): _entries(config, "variants")}
    places |= {("tables", table, "variants"): _entries(entry, "variants") for table, entry in tables.items()}
    return {(*place, name): entry for place, entries in places.items() for name, entry in entries.items() if isinstance(entry, Mapping)}


def _wrong_sizes(config: Mapping[str, Any], known: Known) -> list[Mistake]:
    """Rows of methods that take one size alone, where the config's is another."""
    named: dict[KeyPath, str] = {("methods", name): name for name in _entries(config, "methods")}
    named |= {path: next(iter(entry), "") for path, entry in _variants(config).items()}
    found = config.get("resolution")
    text = "this method takes images of {0} pixels alone, but resolution is {1}. {2}"
    return [
        (path, text.format(card.resolution, found, _other_size(card)))
        for path, name in named.items()
        if (card := known.methods.get(name)) and card.resolution not in (0, found)
    ]


def _other_size(card: MethodCard) -> str:
    """What to do about a method of one size alone."""
    if card.unable:
        return f"At that size it can't run either ({card.unable}): leave it out."
    return f"Set `resolution: {card.resolution}`, or leave it out."


def _wrong_steps(config: Mapping[str, Any], known: Known) -> list[Mistake]:
    """Rows and sweeps, of a config without other mistakes, whose steps no sampler can take."""
    shared: dict[KeyPath, str] = {("methods", name): name for name, entry in config["methods"].items() if "folder" not in entry}
    asked = {path: (name, _params(config, known.methods[name])) for path, name in shared.items()}
    for path, entry in _variants(config).items():
        [(name, changes)] = entry.items()
        asked[path] = (name, _params(config, known.methods[name]) | changes)
    mistakes = [
        (path, problem) for path, (name, params) in asked.items() if (problem := _steps_problem(known.methods[name].family, params))
    ]
    for name, sweep in config["sweeps"].items():
        base = {**known.methods["clrface"].params, **config["clrface"], **sweep.get("base", {})}
        points = [dict(zip(sweep["grid"], values, strict=True)) for values in itertools.product(*sweep["grid"].values())]
        problems = [problem for point in points if (problem := _steps_problem("clrface", base | point))]
        mistakes += [(("sweeps", name, "grid"), problem) for problem in problems[:1]]
    return mistakes


def _steps_problem(family: str, params: Mapping[str, Any]) -> str:
    if family == "clrface":
        return steps_problem(params["start"], params["t0"], params["steps"])
    if family == "pixel_diffusion" and {"total_steps", "steps"} <= params.keys():
        return pixel_steps_problem(params["total_steps"], params["steps"])
    return ""


def _uneven_batches(config: Mapping[str, Any]) -> list[Mistake]:
    """Training stages whose batch the processes can't share out evenly: the mean over them would not be the batch's."""
    processes = config["training"]["processes"]
    return [
        (
            ("training", "stages", name, "batch"),
            f"found {stage['batch']}, which {processes} processes can't share. Give a multiple.",
        )
        for name, stage in config["training"]["stages"].items()
        if stage["batch"] % processes
    ]


def _without_truth(config: Mapping[str, Any], known: Known) -> list[Mistake]:
    """References that have no ground truth themselves, and tables that ask a set without ground truth for it."""
    datasets = {name: entry for name, entry in _entries(config, "datasets").items() if isinstance(entry, Mapping)}
    lacking = [name for name, entry in datasets.items() if "reference" in entry]
    mistakes: list[Mistake] = [
        (("datasets", name, "reference"), f"'{datasets[name]['reference']}' has no ground truth either. Name a set of clean faces.")
        for name in lacking
        if datasets[name]["reference"] in lacking
    ]
    seeing = [name for name in _entries(config, "methods") if name in known.methods and known.methods[name].sees_truth]
    for table, entry in _entries(config, "tables").items():
        asked = entry.get("datasets") if isinstance(entry, Mapping) else None
        without = [name for name in asked if name in lacking] if isinstance(asked, list) else []
        wanted = entry.get("methods", "all") if without else []
        shown = [name for name in seeing if wanted == "all" or name in wanted]
        if without and shown:
            text = f"{', '.join(shown)} shows the ground truth, and '{without[0]}' has none. List this table's `methods` without it."
            mistakes.append((("tables", table), text))
    return mistakes


def _wrong_sweeps(config: Mapping[str, Any]) -> list[Mistake]:
    """Tables and sweeps that would write each other's files, and sweeps whose figure has no such axis."""
    mistakes: list[Mistake] = []
    tables = _entries(config, "tables")
    taken = {*TAKEN, *(f"{table}_{figure}" for table in tables for figure in FIGURES)}
    mistakes += [(("tables", name), TAKEN_NAME) for name in tables if name in TAKEN]
    for name, sweep in _entries(config, "sweeps").items():
        if name in taken or name in tables:
            mistakes.append((("sweeps", name), TAKEN_NAME))
        grid = _entries(sweep, "grid") if isinstance(sweep, Mapping) else {}
        axes = [*(key for key, values in grid.items() if _are_numbers(values)), *COSTS] if grid else []
        if axes and sweep.get("along") not in axes:
            along = sweep.get("along")
            mistakes.append(wrong_name(("sweeps", name, "along"), along, "a column", axes))
    return mistakes


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _explain(error: ValidationError) -> Iterator[Mistake]:
    """What an error of jsonschema says, a mistake for each key or value that it is about."""
    path, schema, found = tuple(error.absolute_path), cast(Mapping[str, Any], error.schema), cast(Any, error.instance)
    if error.validator == "additionalProperties":
        names = list(schema["properties"])
        yield from (((*path, key), f"unknown key.{_allowed(key, names)}") for key in found if key not in names)
    elif error.validator == "required":
        missing = [key for key in schema["required"] if key not in found]
        yield from (((*path, key), f"missing, expected {_expected(schema.get('properties', {}).get(key, {}))}.") for key in missing)
    elif "propertyNames" in error.absolute_schema_path:
        yield (*path, found), f"not a name, expected {schema['description']}.{_quoted(found)}"
    elif error.validator == "anyOf" and isinstance(found, list):
        lists = [inner for inner in error.context or () if inner.validator != "const"]
        yield from (mistake for inner in lists for mistake in _explain(inner))
    else:
        yield path, f"found {_found(found)}, expected {_expected(schema)}.{_hint(found, schema)}"


def _quoted(key: object) -> str:
    """The next step for a key that YAML took for no text."""
    return "" if isinstance(key, str) else " YAML reads a bare no, yes, on, off, null or number as such: write the key in quotes."


def _allowed(name: object, names: Sequence[str]) -> str:
    return f"{_nearest(name, names)} Allowed: {', '.join(names) or 'none'}."


def _nearest(name: object, names: Sequence[object]) -> str:
    near = get_close_matches(str(name), [str(other) for other in names], n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def _found(value: object) -> str:
    """`'64px' (string)`, in the words of YAML and JSON Schema."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "list", dict: "mapping"}
    return "nothing" if value is None else f"{reprlib.repr(value)} ({kinds.get(type(value), type(value).__name__)})"


def _expected(schema: Mapping[str, Any]) -> str:
    """A part of the schema in words, e.g. `integer of at least 32, at most 1024, a multiple of 16`."""
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(_expected(part) for part in schema["anyOf"])
    if schema.get("format") == "folder":
        return "a folder that exists"
    if schema.get("format") == "weights":
        return "shipped, fit, a folder that exists, or a Hugging Face id such as owner/model"
    if "pattern" in schema:
        return schema["description"]
    kind = schema.get("type", "value")
    if kind == "array":
        kind = f"a list of {_expected(schema.get('items', {}))}"
    elif kind == "object":
        kind = "a mapping"
    return kind + _constraints(schema)


def _constraints(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": " of at least {}",
        "exclusiveMinimum": " above {}",
        "maximum": ", at most {}",
        "exclusiveMaximum": ", below {}",
        "multipleOf": ", a multiple of {}",
        "minItems": ", with at least {} of them",
        "uniqueItems": ", none of them twice",
        "minProperties": ", with at least {} key",
        "maxProperties": ", with at most {} key",
    }
    return "".join(text.format(schema[word]) for word, text in words.items() if schema.get(word) is not None)


def _hint(found: object, schema: Mapping[str, Any]) -> str:
    """The next step, where it can be guessed."""
    options = [schema, *schema.get("anyOf", ())]
    if found is None and schema.get("type") == "object":
        return " Write {} for none."
    if schema.get("type") in ("integer", "number") and (written := _number(found)) != repr(found) and written:
        return f" Write {written}."
    if isinstance(found, str) and any(part.get("type") == "array" and found in part["items"].get("enum", ()) for part in options):
        return f" Write [{found}]."
    names = [name for part in options for name in (*part.get("enum", ()), *([part["const"]] if "const" in part else ()))]
    return _nearest(found, [*names, *(WEIGHTS if schema.get("format") == "weights" else ())])


def _number(found: object) -> str:
    """How YAML wants a number that it took for a string (quoted, or 1e-1), or a whole one written as 8.0; else empty."""
    try:
        value = float(found) if isinstance(found, str | float) else math.nan
    except ValueError:
        return ""
    return str(int(value) if value.is_integer() else value) if math.isfinite(value) else ""


def _dotted(path: KeyPath) -> str:
    """`tables.table1.degradations[0]`; `config` for the whole."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".") or "config"


def _position(config: Any, path: KeyPath) -> list[int]:
    """Where a path stands in the config, to sort by; a missing key comes last in its place."""
    places: list[int] = []
    for key in path:
        if isinstance(config, Mapping):
            places.append(list(config).index(key) if key in config else len(config))
            config = config.get(key)
        else:
            places.append(key)
            config = config[key]
    return places


def _entries(config: Mapping[str, Any], key: str) -> Mapping[Any, Any]:
    """What a key holds, or nothing when that is no mapping (the schema says so then)."""
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}
