"""The overrides of a run as a form: the sections of a configuration, every field optional."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    WithJsonSchema,
    create_model,
    model_serializer,
)
from pydantic.fields import FieldInfo

from blocks.configuration import Configuration
from blocks.names import SECTIONS
from blocks.plain_form import without_null
from blocks.section import NoEffect, Section


class _Optional(BaseModel):
    """Takes any value: `resolve` reports what is wrong, all of it at once, with its place.

    The schema is that of the real fields, so that forms are drawn, and checked, as theirs.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    @model_serializer(mode="wrap")
    def _leave_out_what_is_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {k: v for k, v in handler(self).items() if k not in fields or v not in (None, {})}


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a JSON schema with its references filled in: fields have no room for definitions."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items() if key != "$defs"}


def _schema(field: FieldInfo) -> dict[str, Any]:
    kind: Any = field.annotation
    for mark in field.metadata:
        kind = Annotated[kind, mark]
    whole = TypeAdapter(kind).json_schema()
    schema: dict[str, Any] = without_null(_inlined(whole, whole.get("$defs", {})))
    # Without a default the form is a plain, empty input; a switch would look off.
    return {"enum": [True, False]} if schema == {"type": "boolean"} else schema


def _nothing() -> None:
    return None


def _form(section: type[Section]) -> type[_Optional]:
    fields: dict[str, Any] = {
        name: (
            Annotated[Any, WithJsonSchema(_schema(field))],
            Field(default_factory=_nothing, title=field.title, description=field.description),
        )
        for name, field in section.model_fields.items()
        if not any(isinstance(mark, NoEffect) for mark in field.metadata)
    }
    return create_model(f"{section.__name__}Overrides", __base__=_Optional, **fields)


def _section(name: str, section: type[Section]) -> tuple[Any, Any]:
    about, form = Configuration.model_fields[name], _form(section)
    return form, Field(default_factory=form, title=about.title, description=about.description)


_NOT_SHOWN = {"builders"}  # there is one

_FIELDS: dict[str, Any] = {
    name: _section(name, section) for name, section in SECTIONS.items() if name not in _NOT_SHOWN
}
_Sections: type[_Optional] = create_model("_Sections", __base__=_Optional, **_FIELDS)


class OverrideForm(_Sections):  # type: ignore[misc, valid-type]
    """Values that win over the configuration, for this run only.

    What is left empty stays as it is. Keys may be written with dots as well, e.g.
    `{"chain.spatial_resolution": 20}`.
    """

    def given(self) -> dict[str, Any]:
        """Return what was filled in, by section or by dotted key.

        An empty field of a section counts as not filled in; null under a dotted key is a value.
        """
        dumped = self.model_dump()
        order = {name: index for index, name in enumerate(type(self).model_fields)}
        return dict(sorted(dumped.items(), key=lambda item: order.get(item[0], len(order))))
