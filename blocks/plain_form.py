"""JSON schemas as forms should have them: an empty field is enough to say that nothing is given."""

from __future__ import annotations

from typing import Any


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
    """A block whose form in the Prefect UI has plain fields; values may be null all the same."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema that the form is drawn from."""
        schema: dict[str, Any] = without_null(super().model_json_schema(*args, **kwargs))  # type: ignore[misc]
        return schema
