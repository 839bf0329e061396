"""Parameters of a path, a query or a header: what each may be, and how OpenAPI says it. Pure.

How a value is read from text, and refused, is the surface's own: S1 in zod's words, S3 naming the field.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Text(msgspec.Struct, frozen=True):
    """A string of `minimum` to `maximum` characters that matches `pattern` where there is one."""

    minimum: int = 0
    maximum: int | None = None
    pattern: str | None = None

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        schema: dict[str, Any] = {"type": "string"}
        if self.minimum:
            schema["minLength"] = self.minimum
        if self.maximum is not None:
            schema["maxLength"] = self.maximum
        if self.pattern is not None:
            schema["pattern"] = f"^{self.pattern}$"
        return schema


class Choice(msgspec.Struct, frozen=True):
    """One of these words."""

    options: tuple[str, ...]

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "string", "enum": list(self.options)}


class Integer(msgspec.Struct, frozen=True):
    """A whole number of `minimum` to `maximum`. Above `clamp` it is silently taken for `clamp`."""

    minimum: int
    maximum: int | None = None
    clamp: int | None = None

    def schema(self) -> dict[str, Any]:
        """As JSON Schema. The clamp is no maximum: larger values are accepted."""
        schema: dict[str, Any] = {"type": "integer", "minimum": self.minimum}
        return schema if self.maximum is None else schema | {"maximum": self.maximum}


class Boolean(msgspec.Struct, frozen=True):
    """True or false."""

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "boolean"}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. `default` is what is used where it is absent."""

    name: str
    kind: Text | Choice | Integer | Boolean
    description: str
    place: Literal["query", "path", "header"] = "query"
    example: str | int | None = None
    default: str | int | None = None
    required: bool = False
    """Of a query or a header; those of a path always are."""

    def document(self) -> dict[str, Any]:
        """As an OpenAPI parameter object.

        What may be left out has its example in its schema: Swagger UI fills in a parameter's own.
        """
        schema = self.kind.schema() | ({} if self.default is None else {"default": self.default})
        required = self.required or self.place == "path"
        found = {
            "name": self.name,
            "in": self.place,
            "required": required,
            "description": self.description,
            "schema": schema,
        }
        if self.shown is None:
            return found
        if required:
            return found | {"example": self.shown}
        return found | {"schema": schema | {"examples": [self.shown]}}

    @property
    def shown(self) -> str | int | None:
        """A value that works: the example, the default, the first choice or `true`. None: there is none."""
        if self.example is not None:
            return self.example
        if self.default is not None:
            return self.default
        if isinstance(self.kind, Choice):
            return next(option for option in self.kind.options if option)
        if isinstance(self.kind, Boolean):
            return True
        return None
