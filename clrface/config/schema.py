"""A config against its JSON schema, filled with the names that exist: methods, recipes, sets, metrics."""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

from clrface.api import MethodCard
from clrface.catalogue import SCHEMAS
from clrface.config.load import entries_of
from clrface.config.messages import WEIGHTS, Mistake, explain_error

SCHEMA = SCHEMAS / "config.schema.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


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


def find_mistakes(content: object, schema: Mapping[str, Any], folder: Path = Path()) -> list[Mistake]:
    """What a YAML file's content has that its schema (without `$ref`) doesn't allow: the key's path, and what is wrong with it."""
    return [mistake for error in _validator(schema, folder).iter_errors(content) for mistake in explain_error(error)]


def schema_for(config: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The schema with its open names narrowed to those that exist, and every `$ref` replaced by what it stands for."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts, keys = schema["$defs"], schema["properties"]
    parts["protocol"]["enum"] = sorted({*known.protocols, *entries_of(config, "protocols")})
    parts["recipe"]["enum"] = sorted(known.recipes)
    parts["manifest"]["enum"] = sorted([*known.manifests, *(name for name, use in known.sets.items() if use == "training")])
    parts["dataset"]["enum"] = list(entries_of(config, "datasets"))
    parts["row"]["enum"] = [*entries_of(config, "methods"), *entries_of(config, "variants")]
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
