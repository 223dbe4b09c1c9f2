"""The API page: the schema that the doors give of themselves (OpenAPI 3.0), as groups of operations to read.

Nothing here knows what the operations do: all of it comes from the schema, which is made once in a process.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

from synth.common.envelopes import ELEVENLABS, GPT_SOVITS, OPENAI, envelope_at

METHODS = ("get", "post", "put", "patch", "delete")
DEPTH = 3  # levels of nested fields that are laid out; deeper ones are in the schema itself
_AREA = re.compile(r"/api/v\d+/([a-z0-9-]+)")
_STEM = re.compile(r"[^a-z0-9]+")
# drf-spectacular repeats the choices of a field below its help; they stand among the limits here.
_CHOICES = re.compile(r"\s*^\* `[^`]*` - .*$", re.MULTILINE)


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body: ``kind`` is its type in words, ``limits`` what values it takes."""

    name: str
    kind: str
    limits: tuple[str, ...] = ()
    place: str = ""
    is_required: bool = False
    help: str = ""


@dataclass(frozen=True)
class Answer:
    status: str
    description: str
    media_types: tuple[str, ...]
    fields: tuple[Field, ...] = ()

    @property
    def is_refusal(self) -> bool:
        return self.status >= "400"


@dataclass(frozen=True)
class Operation:
    """One method of one path. ``summary`` is the first sentence of what it says of itself, ``more`` the others."""

    id: str
    method: str
    path: str
    summary: str
    more: str
    is_open: bool
    parameters: tuple[Field, ...]
    body_types: tuple[str, ...]
    body: tuple[Field, ...]
    answers: tuple[Answer, ...]
    example: str


@dataclass(frozen=True)
class Group:
    title: str
    anchor: str
    operations: tuple[Operation, ...]


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    """All operations of this service by group, in the order of their paths."""
    # Choices and help are written in the language in which the schema is made; docs/openapi.yaml is in this one.
    with translation.override(settings.LANGUAGE_CODE):
        return read(SchemaGenerator().get_schema(public=True), settings.ASSENT_BASE_URL.rstrip("/"))


_PROGRAMS = {OPENAI.schema: "OpenAI", ELEVENLABS.schema: "ElevenLabs", GPT_SOVITS.schema: "GPT-SoVITS api_v2"}


def read(schema: dict[str, Any], base_url: str) -> tuple[Group, ...]:
    """The groups of a schema; ``base_url`` is where its examples ask."""
    found: dict[str, list[Operation]] = {}
    reader = _Reader(schema, base_url)
    for path, operations in schema["paths"].items():
        for method in METHODS:
            if method in operations:
                title = _group(path, operations[method])
                found.setdefault(title, []).append(reader.operation(path, method, operations[method]))
    return tuple(
        Group(title, f"group-{_STEM.sub('-', title.lower()).strip('-')}", tuple(found[title]))
        for title in sorted(found)
    )


def _group(path: str, operation: dict[str, Any]) -> str:
    """The kind of thing that a path is about; the doors of each kind of program together; others by their own tag."""
    programs = _PROGRAMS.get(envelope_at(path).schema)
    if programs is not None:
        return programs
    area = _AREA.match(path)
    if area:
        return area.group(1).replace("-", " ").capitalize()
    return (operation.get("tags") or ["Other"])[0]


class _Reader:
    def __init__(self, schema: dict[str, Any], base_url: str) -> None:
        self._schemas: dict[str, Any] = schema.get("components", {}).get("schemas", {})
        self._base_url = base_url

    def operation(self, path: str, method: str, said: dict[str, Any]) -> Operation:
        text = (said.get("description") or "").strip()
        summary = said.get("summary") or _first_sentence(text) or _words(said["operationId"])
        asked: dict[str, Any] = said.get("requestBody", {})
        content: dict[str, Any] = asked.get("content", {})
        body_type, body = next(iter(content.items()), ("", dict[str, Any]()))
        is_open = not said.get("security") or {} in said["security"]
        return Operation(
            id=said["operationId"],
            method=method.upper(),
            path=path,
            summary=summary.rstrip("."),
            more=text.removeprefix(summary).strip() if text != summary else "",
            is_open=is_open,
            parameters=tuple(self._parameter(one) for one in said.get("parameters", [])),
            body_types=tuple(content),
            body=tuple(self._fields(body.get("schema", {}))),
            answers=tuple(self._answer(str(status), one) for status, one in said["responses"].items()),
            example=self._curl(path, method, said, body_type, body.get("schema", {}), is_open),
        )

    def _parameter(self, said: dict[str, Any]) -> Field:
        schema = said.get("schema", {})
        return Field(
            name=said["name"],
            kind=self._kind(schema),
            limits=self._limits(schema),
            place=said["in"],
            is_required=said.get("required", False),
            help=_help(said.get("description") or schema.get("description")),
        )

    def _answer(self, status: str, said: dict[str, Any]) -> Answer:
        content: dict[str, Any] = said.get("content", {})
        first: dict[str, Any] = next(iter(content.values()), {})
        shape = first.get("schema", {}) if status < "400" else {}
        return Answer(status, said.get("description") or "", tuple(content), tuple(self._fields(shape)))

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema without references: what it names, with what stands beside the name."""
        merged = dict(schema)
        while "$ref" in merged or "allOf" in merged:
            parts = merged.pop("allOf", [])
            reference = merged.pop("$ref", None)
            if reference:
                parts = [self._schemas.get(reference.rsplit("/", 1)[1], {}), *parts]
            for part in parts:
                merged = {**part, **merged}
        return merged

    def _fields(self, schema: dict[str, Any], prefix: str = "", depth: int = DEPTH) -> list[Field]:
        """The fields of an object, nested ones by dotted names; of a list those of its items."""
        shape = self._resolved(schema)
        if shape.get("type") == "array":
            return self._fields(shape.get("items", {}), f"{prefix}[]" if prefix else "[]", depth)
        found = []
        for name, part in shape.get("properties", {}).items():
            inner = self._resolved(part)
            full = f"{prefix}.{name}" if prefix else name
            found.append(
                Field(
                    name=full,
                    kind=self._kind(part),
                    limits=self._limits(part),
                    is_required=name in shape.get("required", ()),
                    # What stands beside a reference is about this field; what stands behind it, about the shape.
                    help=_help(
                        part.get("description") or ("" if "properties" in inner else inner.get("description"))
                    ),
                )
            )
            if depth > 1:
                found += self._fields(inner, full, depth - 1)
        return found

    def _kind(self, schema: dict[str, Any]) -> str:
        shape = self._resolved(schema)
        options = shape.get("oneOf") or shape.get("anyOf")
        if options:
            kinds = [
                self._kind(one) for one in options if self._resolved(one).get("enum") not in ([""], [None])
            ]
            kind = " or ".join(dict.fromkeys(kinds))
        elif shape.get("type") == "array":
            kind = f"list of {self._kind(shape.get('items', {}))}"
        else:
            kind = shape.get("type", "any")
            kind = {"uri": "URL", "binary": "file"}.get(shape.get("format", ""), kind)
            if shape.get("format") in ("uuid", "date", "date-time"):
                kind = shape["format"]
        return f"{kind} or null" if shape.get("nullable") else kind

    def _limits(self, schema: dict[str, Any]) -> tuple[str, ...]:
        """What values are taken, in the fewest words."""
        shape = self._resolved(schema)
        values = [value for value in self._choices(shape) if value not in ("", None)]
        said = []
        if values:
            said.append(" | ".join(map(str, values)))
        for low, high, unit in (
            ("minimum", "maximum", ""),
            ("minLength", "maxLength", " characters"),
            ("minItems", "maxItems", " items"),
        ):
            if low in shape or high in shape:
                said.append(_range(shape.get(low), shape.get(high)) + unit)
        if "pattern" in shape:
            said.append(shape["pattern"])
        if shape.get("default") not in (None, "", [], {}):
            said.append(f"default {json.dumps(shape['default'], ensure_ascii=False)}")
        return tuple(said)

    def _choices(self, shape: dict[str, Any]) -> list[Any]:
        if shape.get("type") == "array":
            shape = self._resolved(shape.get("items", {}))
        found = list(shape.get("enum", []))
        for one in shape.get("oneOf", []):
            found += self._resolved(one).get("enum", [])
        return found

    def _curl(
        self,
        path: str,
        method: str,
        said: dict[str, Any],
        body_type: str,
        schema: dict[str, Any],
        is_open: bool,
    ) -> str:
        """One command that asks for this; capitals stand for what only the caller knows."""
        url = self._base_url + re.sub(r"{(\w+)}", lambda match: match.group(1).upper(), path)
        query = {
            one["name"]: self._sample(one["name"], one.get("schema", {}))
            for one in said.get("parameters", [])
            if one["in"] == "query" and one.get("required")
        }
        lines = [f"curl {shlex.quote(url + ('?' + urlencode(query, quote_via=quote) if query else ''))}"]
        if method != "get" and not (method == "post" and body_type):
            lines[0] += f" -X {method.upper()}"
        elif method == "post" and not body_type:
            lines[0] += " -X POST"
        if not is_open:
            lines.append('-H "Authorization: Bearer $ASSENT_KEY"')
        if body_type == "multipart/form-data":
            lines += [self._part(name, part) for name, part in self._wanted(schema)]
        elif body_type:
            sample = {name: self._sample(name, part) for name, part in self._wanted(schema)}
            lines.append(f"-H {shlex.quote(f'Content-Type: {body_type}')}")
            lines.append(f"-d {shlex.quote(json.dumps(sample, ensure_ascii=False))}")
        given = [one for status, one in said["responses"].items() if str(status) < "300"]
        kinds = [kind for one in given for kind in one.get("content", {})]
        if kinds and not any("json" in kind or kind.startswith("text/") for kind in kinds):
            lines.append("-o answer.bin")
        return " \\\n  ".join(lines)

    def _wanted(self, schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """The fields that a request cannot do without; where there is none, the first."""
        shape = self._resolved(schema)
        properties = list(shape.get("properties", {}).items())
        return [one for one in properties if one[0] in shape.get("required", ())] or properties[:1]

    def _part(self, name: str, schema: dict[str, Any]) -> str:
        shape = self._resolved(schema)
        if (
            shape.get("format") == "binary"
            or self._resolved(shape.get("items", {})).get("format") == "binary"
        ):
            return f"-F {name}=@recording.wav"
        return f"-F {shlex.quote(f'{name}={self._sample(name, schema)}')}"

    def _sample(self, name: str, schema: dict[str, Any], depth: int = DEPTH) -> Any:
        """A value of the right shape."""
        shape = self._resolved(schema)
        for key in ("example", "default"):
            if shape.get(key) not in (None, "", [], {}):
                return shape[key]
        choices = [value for value in self._choices(shape) if value not in ("", None)]
        kind = shape.get("type")
        if kind == "array":
            return (
                [choices[0]]
                if choices
                else [self._sample(name, shape.get("items", {}), depth - 1)]
                if depth
                else []
            )
        if choices:
            return choices[0]
        if kind == "object" or "properties" in shape:
            inner = self._wanted(shape) if depth else []
            return {key: self._sample(key, part, depth - 1) for key, part in inner}
        if kind in ("integer", "number"):
            return shape.get("minimum", 1)
        if kind == "boolean":
            return True
        samples = {"date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "email": "person@example.org"}
        return samples.get(shape.get("format", ""), name.upper())


def _help(text: str | None) -> str:
    return _CHOICES.sub("", text or "").strip()


def _first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence, or the first line's end."""
    match = re.match(r".*?\.(?=\s|$)", text.split("\n\n")[0].replace("\n", " "))
    return match.group() if match else text.split("\n")[0]


def _words(operation_id: str) -> str:
    return operation_id.replace("_", " ").capitalize()


def _range(low: Any, high: Any) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"
