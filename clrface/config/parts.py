"""The base of the config's models, and the types of names, numbers and folders.

A field's docstring is its description, for editors and for docs/reference/configuration.md.
`clrface.config.schema` narrows the open names (Protocol, Degradation, Manifest, DatasetName,
RowName, Metric) to those that exist.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType


class Part(BaseModel):
    """A mapping with the keys of its fields and no others.

    A field whose default is None may be left out; it may not be set to null.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


def default_of(part: type[Part], key: str) -> Any:
    """Return the default of a key."""
    return part.model_fields[key].get_default(call_default_factory=True)


def completed(part: type[Part], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checked entry with the defaults of missing keys.

    Keys without a default stay missing.
    """
    given = {key: field.default for key, field in part.model_fields.items() if not field.is_required() and field.default is not None}
    return {**given, **entry}


def value_of(part: type[Part], entry: Mapping[str, Any], key: str) -> Any:
    """Return an entry's value of a key, or the key's default."""
    return entry[key] if key in entry else default_of(part, key)


UNIQUE = Field(json_schema_extra={"uniqueItems": True})
Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
Seeds = Annotated[list[NotNegative], Field(min_length=1), UNIQUE]
Folder = Annotated[str, Field(json_schema_extra={"format": "folder"})]
Channels = TypeAliasType(
    "Channels", Annotated[list[Count], Field(min_length=1), Field(description="Channels a level, highest resolution first.")]
)
Name = TypeAliasType(
    "Name",
    Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$", title="a name of letters, digits, '-' and '_'", description="A name.")],
)

Protocol = TypeAliasType(
    "Protocol",
    Annotated[str, Field(description="An entry of clrface/catalogue/protocols.yaml: which metrics are measured.")],
)
Degradation = TypeAliasType("Degradation", Annotated[str, Field(description="An entry of clrface/catalogue/degradations.yaml.")])
Manifest = TypeAliasType("Manifest", Annotated[str, Field(description="A dataset with a manifest under clrface/catalogue/manifests.")])
DatasetName = TypeAliasType("DatasetName", Annotated[str, Field(description="A key of datasets.")])
RowName = TypeAliasType("RowName", Annotated[str, Field(description="A key of methods or variants.")])
Metric = TypeAliasType("Metric", Annotated[str, Field(description="A metric: a card of clrface/metrics, or of an installed package.")])

# What a method's card says of its parameters fills these.
Clrface = TypeAliasType("Clrface", Annotated[dict[str, Any], Field(description="CLR-Face's parameters, for its row and for its variants.")])
Variant = TypeAliasType(
    "Variant",
    Annotated[
        dict[str, dict[str, Any]], Field(min_length=1, max_length=1), Field(description="One method with the parameters that differ.")
    ],
)
Grid = TypeAliasType(
    "Grid",
    Annotated[
        dict[str, list[Any]],
        Field(min_length=1),
        Field(description="The values of each setting that is varied; every combination is a point."),
    ],
)
