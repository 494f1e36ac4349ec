"""Make files from the declared settings: the JSON Schema, and the table in
docs/reference/configuration.md.

python -m clrface.config.json_schema      # after a change of a setting, or of CLR-Face's card
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from clrface.api import MethodCard
from clrface.config.messages import expected
from clrface.config.schema import SCHEMA, inlined, params_schema
from clrface.config.settings import Config
from clrface.fingerprint import ROOT
from clrface.registry import method_card

PAGE = ROOT / "docs" / "reference" / "configuration.md"
BEGIN, END = "<!-- made by python -m clrface.config.json_schema -->", "<!-- end of the table -->"
OPEN = ("datasets", "methods")
"""Mappings whose entries with a `folder` are the user's own; the project names the others."""
ALONE = ("stages", "base")
"""Not expanded in the table: stages are many, and a sweep's base has `clrface`'s keys."""


class _Plain(GenerateJsonSchema):
    """JSON Schema without titles, and without null for a key that may be left out."""

    def generate(self, schema: core_schema.CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        return {"$schema": self.schema_dialect, **super().generate(schema, mode)}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        return {key: value for key, value in found.items() if key != "title"}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return {key: value for key, value in found.items() if (key, value) != ("default", None)}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {key: value for key, value in super().literal_schema(schema).items() if key != "type"}


def make_schema(clrface: MethodCard) -> dict[str, Any]:
    """Make the JSON Schema of a config, with CLR-Face's parameters from its card."""
    schema = _on_one_line(Config.model_json_schema(ref_template=DEFAULT_REF_TEMPLATE, schema_generator=_Plain))
    parts, keys = schema["$defs"], schema["properties"]
    parts["Clrface"] |= params_schema(clrface)
    for key in OPEN:
        own = keys[key]["additionalProperties"]["anyOf"][0]
        keys[key]["additionalProperties"] = {"if": {"required": ["folder"]}, "then": own, "else": {"type": "object"}}
    return schema


def _on_one_line(part: Any) -> Any:
    """Return the schema with its texts on one line each."""
    if isinstance(part, dict):
        return {key: _on_one_line(value) for key, value in cast(dict[str, Any], part).items()}
    if isinstance(part, list):
        return [_on_one_line(value) for value in cast(list[Any], part)]
    return " ".join(part.split()) if isinstance(part, str) else part


def settings_table(schema: Mapping[str, Any]) -> str:
    """Return the settings as a Markdown table: key, allowed values, description."""
    lines = ["| setting | value | meaning |", "|---|---|---|"]
    for path, part in _told(schema, schema["$defs"], ""):
        value = expected(part) + (f"; default {json.dumps(part['default'])}" if "default" in part else "")
        lines.append(f"| `{path}` | {value} | {part['description']} |")
    return "\n".join(lines)


def _told(part: Mapping[str, Any], parts: Mapping[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each key with its schema, `$ref` replaced, down to the keys of named parts."""
    for key, value in part.get("properties", {}).items():
        inner, place = inlined(value, parts), f"{path}{key}"
        yield place, inner
        if key in ALONE:
            continue
        below: dict[str, Any] = inner.get("additionalProperties") or {}
        if key == "datasets" and path == "":
            below = {"properties": {**parts["ManifestDataset"]["properties"], **parts["FolderDataset"]["properties"]}}
        below = below.get("then", below)
        named = "properties" in below
        yield from _told(below if named else inner, parts, f"{place}.<name>." if named else f"{place}.")


def made_page(page: str, schema: Mapping[str, Any]) -> str:
    """Return docs/reference/configuration.md with the present table."""
    made = f"{BEGIN}\n{settings_table(schema)}\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: made, page, flags=re.DOTALL)


def schema_text(schema: Mapping[str, Any]) -> str:
    """Return the text of the schema's file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file and the table."""
    schema = make_schema(method_card("clrface"))
    SCHEMA.write_text(schema_text(schema), encoding="utf-8")
    PAGE.write_text(made_page(PAGE.read_text(encoding="utf-8"), schema), encoding="utf-8")


if __name__ == "__main__":
    main()
