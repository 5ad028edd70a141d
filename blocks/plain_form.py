"""JSON schemas as forms should have them: an empty field is enough to say that nothing is given."""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


def without_null(schema: Any) -> Any:
    """Return a JSON schema without null among alternatives, at any depth.

    Where null is one of two, forms draw a switch between "string" and "null" above the field.
    """
    if isinstance(schema, list):
        return [without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {key: without_null(value) for key, value in schema.items()}
    kinds = cleaned.get("anyOf")
    if not isinstance(kinds, list) or {"type": "null"} not in kinds:
        return cleaned
    left = [kind for kind in kinds if kind != {"type": "null"}]
    rest = {key: value for key, value in cleaned.items() if key != "anyOf"}
    if rest.get("default", ...) is None:
        del rest["default"]
    return {**left[0], **rest} if len(left) == 1 else {"anyOf": left, **rest}


class PlainForm:
    """A block that forms of the Prefect UI show with plain fields, and that runs can refer to."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema that the block's own form is drawn from; values may be null still."""
        schema: dict[str, Any] = without_null(super().model_json_schema(*args, **kwargs))  # type: ignore[misc]
        required = [name for name in schema["properties"] if cls._is_required(name)]
        return {**schema, "required": required} if required else schema

    @classmethod
    def _is_required(cls, name: str) -> bool:
        fields: dict[str, FieldInfo] = cls.model_fields  # type: ignore[attr-defined]
        return name in fields and fields[name].is_required()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Let the server take ``{"$ref": ...}`` for the block wherever it checks parameters.

        It does so in four ways: of runs, of new and of changed deployments, and of forms. Some
        compare with the bare schema, some with "either the block or a reference" in its place,
        some after all "required" were cut out. A schema that is open, requires nothing, and has
        a title that is not its key, by which the server would find it, passes all of them. What is
        missing is reported when the run begins.
        """
        schema = handler.resolve_ref_schema(handler(core_schema))
        schema.pop("additionalProperties", None)
        schema.pop("required", None)
        schema["title"] = cls._block_type_name  # type: ignore[attr-defined]
        return schema
