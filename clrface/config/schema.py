"""Check a config against its JSON schema, narrowed to the names that exist: methods, degradations,
sets, metrics.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator, FormatChecker, validators

from clrface.api import MethodCard
from clrface.catalogue import SCHEMAS
from clrface.config.load import entries_of
from clrface.config.messages import WEIGHTS, Mistake, explain_error, is_list, is_mapping

SCHEMA = SCHEMAS / "config.schema.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Known:
    """The names that a config may use."""

    methods: Mapping[str, MethodCard]
    protocols: Collection[str]
    degradations: Collection[str]
    manifests: Collection[str]
    """The datasets that have a manifest."""
    metrics: Collection[str]
    sets: Mapping[str, str] = field(default_factory=dict[str, str])
    """Sets of aligned faces without a manifest in git, by name, with their use: test or training.
    """

    @property
    def test_sets(self) -> list[str]:
        """Return the names that `datasets` may have."""
        return [*self.manifests, *(name for name, use in self.sets.items() if use == "test")]


def find_mistakes(content: object, schema: Mapping[str, Any], folder: Path = Path()) -> list[Mistake]:
    """Return what a YAML file's content has that its schema (without `$ref`) doesn't allow, with
    the keys' paths.
    """
    return [mistake for error in _validator(schema, folder).iter_errors(content) for mistake in explain_error(error)]


def schema_for(config: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """Return the schema with open names narrowed to those that exist, and every `$ref` replaced."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts, keys = schema["$defs"], schema["properties"]
    parts["Protocol"]["enum"] = sorted({*known.protocols, *entries_of(config, "protocols")})
    parts["Degradation"]["enum"] = sorted(known.degradations)
    parts["Manifest"]["enum"] = sorted([*known.manifests, *(name for name, use in known.sets.items() if use == "training")])
    parts["DatasetName"]["enum"] = list(entries_of(config, "datasets"))
    parts["RowName"]["enum"] = [*entries_of(config, "methods"), *entries_of(config, "variants")]
    parts["Metric"]["enum"] = sorted(known.metrics)
    params = {name: params_schema(card) for name, card in known.methods.items()}
    parts["Clrface"] |= params.get("clrface", {})
    grid = {
        name: {"type": "array", "items": value, "minItems": 1, "uniqueItems": True}
        for name, value in parts["Clrface"]["properties"].items()
    }
    parts["Grid"] |= {"properties": grid, "additionalProperties": False}
    variants = {name: part | {"minProperties": 1} for name, part in params.items()}
    parts["Variant"] |= {"properties": variants, "additionalProperties": False}
    keys["methods"]["properties"] = params
    keys["datasets"]["properties"] = {name: {"$ref": "#/$defs/ManifestDataset"} for name in known.manifests}
    keys["datasets"]["properties"] |= {name: {"$ref": "#/$defs/SetDataset"} for name in known.test_sets if name in known.sets}
    return inlined(schema, parts)


def params_schema(card: MethodCard) -> dict[str, Any]:
    """Return the schema of a method's entry: its card's parameters, by the card or by their
    defaults' types.
    """
    properties = {name: card.accepts.get(name) or _type_of(default) for name, default in card.params.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _type_of(default: object) -> dict[str, str]:
    types: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return {"type": types[type(default)]} if type(default) in types else {}


def inlined(part: Any, defs: Mapping[str, Any]) -> Any:
    """Return a part of the schema, with every `$ref` replaced."""
    if is_list(part):
        return [inlined(item, defs) for item in part]
    if not is_mapping(part):
        return part
    own = {key: inlined(value, defs) for key, value in part.items() if key != "$ref"}
    return {**inlined(defs[part["$ref"].removeprefix("#/$defs/")], defs), **own} if "$ref" in part else own


def _validator(schema: Mapping[str, Any], folder: Path) -> Any:
    """Return a validator of JSON Schema 2020-12 with stricter types and formats that read the disk.

    8.0 is no integer; NaN and infinity are no numbers.
    """

    def is_folder(value: object) -> bool:
        return not isinstance(value, str) or (folder / value).is_dir()

    def are_weights(value: object) -> bool:
        return not isinstance(value, str) or value in WEIGHTS or is_folder(value) or HUB_ID.fullmatch(value) is not None

    formats = FormatChecker(formats=())
    formats.checks("folder")(is_folder)
    formats.checks("weights")(are_weights)
    types = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    extended: Any = cast(Any, validators).extend(Draft202012Validator, type_checker=types)
    return extended(schema, format_checker=formats)


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
