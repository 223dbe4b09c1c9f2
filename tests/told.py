"""What the committed OpenAPI schema says of refusals, held against every refusal that a test meets at an API door."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SCHEMA = Path(__file__).resolve().parents[1] / "docs" / "openapi.yaml"
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")


@cache
def committed() -> dict[str, Any]:
    with SCHEMA.open(encoding="utf-8") as file:
        return dict(yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def untold(request: Any, response: Any) -> str:
    """The refusal, where the schema knows the operation and not this answer of it; "" otherwise."""
    match, status = request.resolver_match, response.status_code
    if match is None or status < 400 or status == 500:
        return ""
    path = "/" + _CONVERTER.sub(r"{\1}", match.route)
    operation = committed()["paths"].get(path, {}).get(request.method.lower())
    if operation is None:
        return ""
    kind = response.headers.get("content-type", "").split(";")[0]
    if kind in operation["responses"].get(str(status), {}).get("content", {}):
        return ""
    return f"{request.method} {path} answers {status} {kind}"
