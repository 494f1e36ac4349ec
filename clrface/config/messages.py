"""Report mistakes in a YAML file: the key's path, what was found, what is allowed, and the nearest
name.
"""

import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeGuard, cast

from jsonschema.exceptions import ValidationError

from clrface.errors import UserError

WEIGHTS = ("shipped", "fit")
"""The values of `weights` beside a folder and a hub's id."""
KeyPath = tuple[Any, ...]
Mistake = tuple[KeyPath, str]


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether a value of a config is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Return whether a value of a config is a list."""
    return isinstance(value, list)


def tell_mistakes(what: str, content: object, mistakes: Sequence[Mistake]) -> None:
    """Raise one UserError with a line for each mistake, in the order of the content's keys.

    Without mistakes, do nothing.
    """
    if mistakes:
        ordered = sorted(mistakes, key=lambda mistake: _position(content, mistake[0]))
        lines = dict.fromkeys(f"  {_dotted(path)}: {text}" for path, text in ordered)
        raise UserError("\n".join([f"{what} has mistakes; nothing was run.", *lines]))


def wrong_name(path: KeyPath, found: object, kind: str, names: Sequence[str]) -> Mistake:
    """Return the mistake of a name that is none of `names`, with the nearest one.

    Args:
        kind: what it should name, e.g. `a metric`.
    """
    return path, f"found {found_value(found)}, expected {kind}.{allowed_names(found, names)}"


def explain_error(error: ValidationError) -> Iterator[Mistake]:
    """Explain an error of jsonschema: one mistake for each key or value."""
    path, schema, found = tuple(error.absolute_path), cast(Mapping[str, Any], error.schema), cast(Any, error.instance)
    if error.validator == "additionalProperties":
        names = list(schema["properties"])
        yield from (((*path, key), f"unknown key.{allowed_names(key, names)}") for key in found if key not in names)
    elif error.validator == "required":
        missing = [key for key in schema["required"] if key not in found]
        yield from (((*path, key), f"missing, expected {expected(schema.get('properties', {}).get(key, {}))}.") for key in missing)
    elif "propertyNames" in error.absolute_schema_path:
        yield (*path, found), f"not a name, expected {_pattern(schema)}.{_quoted(found)}"
    elif error.validator == "anyOf" and isinstance(found, list):
        lists = [inner for inner in error.context or () if inner.validator != "const"]
        yield from (mistake for inner in lists for mistake in explain_error(inner))
    else:
        yield path, f"found {found_value(found)}, expected {expected(schema)}.{_hint(found, schema)}"


def _quoted(key: object) -> str:
    """Return the next step for a key that YAML read as another type than text."""
    return "" if isinstance(key, str) else " YAML reads a bare no, yes, on, off, null or number as such: write the key in quotes."


def allowed_names(name: object, names: Sequence[str]) -> str:
    """Return ` Did you mean ...? Allowed: ...`, for a name that is none of `names`."""
    return f"{_nearest(name, names)} Allowed: {', '.join(names) or 'none'}."


def _nearest(name: object, names: Sequence[object]) -> str:
    near = get_close_matches(str(name), [str(other) for other in names], n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def found_value(value: object) -> str:
    """Return `'64px' (string)`, in the words of YAML and JSON Schema."""
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "list", dict: "mapping"}
    return "nothing" if value is None else f"{reprlib.repr(value)} ({kinds.get(type(value), type(value).__name__)})"


def expected(schema: Mapping[str, Any]) -> str:
    """Return what a part of the schema allows, e.g. `integer of at least 32, at most 1024, a
    multiple of 16`.
    """
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(expected(part) for part in schema["anyOf"])
    if schema.get("format") == "folder":
        return "a folder that exists"
    if schema.get("format") == "weights":
        return "shipped, fit, a folder that exists, or a Hugging Face id such as owner/model"
    if "pattern" in schema:
        return _pattern(schema)
    kind = schema.get("type", "value")
    if kind == "array":
        kind = f"a list of {expected(schema.get('items', {}))}"
    elif kind == "object":
        kind = "a mapping"
    return kind + _constraints(schema)


def _pattern(schema: Mapping[str, Any]) -> str:
    """Return the meaning of a pattern: its title, where the description is a key's; else the
    description.
    """
    return schema.get("title", schema["description"])


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
    """Return the next step, where it can be guessed."""
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
    """Return a number that YAML read as a string (quoted, or 1e-1), or a whole one written as 8.0,
    as YAML needs it.

    Empty for any other value.
    """
    try:
        value = float(found) if isinstance(found, str | float) else math.nan
    except ValueError:
        return ""
    return str(int(value) if value.is_integer() else value) if math.isfinite(value) else ""


def _dotted(path: KeyPath) -> str:
    """Return `tables.table1.degradations[0]`; `config` for the whole."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".") or "config"


def _position(config: Any, path: KeyPath) -> list[int]:
    """Return a path's place in the config, to sort by; a missing key comes last."""
    places: list[int] = []
    for key in path:
        if is_mapping(config):
            places.append(list(config).index(key) if key in config else len(config))
            config = config.get(key)
        else:
            places.append(key)
            config = config[key]
    return places
