"""The API page: every operation of the schema, in words, with what it takes, answers, and how to ask."""

from __future__ import annotations

import re
import shlex
from html import unescape
from typing import Any

import pytest

from synth.portal import api_reference
from tests.told import committed

SCHEMA: dict[str, Any] = {
    "paths": {
        "/api/v1/take-downs/{id}": {
            "post": {
                "operationId": "take_down",
                "description": "Take a file down.\nIt stays in the log.",
                "security": [{"ApiKey": []}],
                "parameters": [
                    {"in": "query", "name": "since", "required": True, "schema": {"type": "string", "format": "date"}}
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}},
                "responses": {
                    "200": {"description": "", "content": {"audio/mpeg": {"schema": {"type": "string"}}}},
                    "403": {"description": "Not permitted."},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Kind": {"enum": ["a", "b"], "type": "string", "description": "* `a` - A\n* `b` - B"},
            "Inner": {
                "type": "object",
                "required": ["n"],
                "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}},
            },
            "Ask": {
                "type": "object",
                "required": ["kind", "inner"],
                "properties": {
                    "kind": {"allOf": [{"$ref": "#/components/schemas/Kind"}], "description": "Why.\n\n* `a` - A"},
                    "inner": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}, "maxItems": 4},
                    "note": {"type": "string", "maxLength": 500, "nullable": True},
                },
            },
        }
    },
}  # fmt: skip


def test_an_operation_is_told_with_its_fields_limits_answers_and_a_command():
    (group,) = api_reference.read(SCHEMA, "https://voice.example")
    assert (group.title, group.anchor) == ("Take downs", "group-take-downs")
    (one,) = group.operations
    assert (one.summary, one.more, one.is_open) == ("Take a file down", "It stays in the log.", False)
    told = {field.name: (field.kind, field.limits, field.is_required, field.help) for field in one.body}
    assert told == {
        "kind": ("string", ("a | b",), True, "Why."),
        "inner": ("list of object", ("at most 4 items",), True, ""),
        "inner[].n": ("integer", ("1 to 9",), True, ""),
        "note": ("string or null", ("at most 500 characters",), False, ""),
    }
    assert [(answer.status, answer.is_refusal) for answer in one.answers] == [("200", False), ("403", True)]
    assert shlex.split(one.example.replace("\\\n", "")) == [
        "curl", "https://voice.example/api/v1/take-downs/ID?since=2026-01-31",
        "-H", "Authorization: Bearer $ASSENT_KEY", "-H", "Content-Type: application/json",
        "-d", '{"kind": "a", "inner": [{"n": 1}]}', "-o", "answer.bin",
    ]  # fmt: skip


def test_a_shape_that_names_itself_ends():
    schema = {
        "components": {
            "schemas": {"T": {"properties": {"t": {"$ref": "#/components/schemas/T"}}, "required": ["t"]}}
        }
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}
    said = {"operationId": "x", "requestBody": body, "responses": {}}
    ((one,),) = (
        group.operations for group in api_reference.read({**schema, "paths": {"/x": {"post": said}}}, "")
    )
    assert [field.name for field in one.body] == ["t", "t.t", "t.t.t"]


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_holds_every_operation_in_the_shell(client, language):
    page = client.get("/api/docs", headers={"accept-language": language}).content.decode()
    assert f'<html lang="{language}"' in page and 'class="top"' in page
    main = page.split("<main", 1)[1]
    assert "<script" not in main.split("</main>")[0]
    assert 'href="/api/schema"' in main
    anchors = set(re.findall(r'\sid="([^"]+)"', main))
    for path, operations in committed()["paths"].items():
        for operation in operations.values():
            assert operation["operationId"] in anchors
            assert f'<code class="path">{path}</code>' in main
    assert set(re.findall(r'href="#([^"]+)"', main)) <= anchors
    commands = re.findall(r"<pre[^>]*><code>(.*?)</code>", main, re.DOTALL)
    assert len(commands) == sum(len(operations) for operations in committed()["paths"].values())
    for command in commands:
        assert shlex.split(unescape(command).replace("\\\n", ""))[0] == "curl"


def test_every_operation_says_what_it_does():
    silent = [
        operation["operationId"]
        for operations in committed()["paths"].values()
        for operation in operations.values()
        if not operation.get("description")
    ]
    assert silent == []
