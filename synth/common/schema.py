"""What the OpenAPI schema says of refusals: which statuses each door can answer, and in which shape.

Doors declare what they alone refuse (409, 422, 429, a limit of their own). What follows from the kind of a request is
added here, once: whoever authenticates can be unknown, whoever sends a body can send too much of it, and the database
can be away for any of them.
"""

from __future__ import annotations

from typing import Any

from synth.common.envelopes import envelope_at

_METHODS = ("get", "post", "put", "patch", "delete")
_TITLES = {
    "400": "The request does not fit, or asks for what there is not.",
    "401": "Nobody is signed in, or the key is not valid.",
    "403": "Not permitted: by a right, a consent or a rule.",
    "404": "No such thing, or not yours.",
    "408": "The body came too slowly.",
    "409": "The row is not in the state that the request needs.",
    "413": "More than this door takes.",
    "415": "A media type that this door does not read.",
    "422": "Understood, but it cannot be done.",
    "429": "Too many requests; `retry-after` says when.",
    "503": "Later; `retry-after` says when.",
}


def with_refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: every operation with all of its refusals, as they leave through `synth.common.http`."""
    for path, operations in result["paths"].items():
        for method in _METHODS:
            if method in operations:
                _complete(operations[method], method, path)
    return result


def statuses_of_any(operation: dict[str, Any], method: str) -> set[str]:
    """Refusals that follow from the kind of the operation."""
    security = operation.get("security", [])
    found = {"503"}
    if security:
        found.add("401")
    if security and (
        {} not in security or method != "get"
    ):  # a browser's change without its token, even there
        found.add("403")
    if "requestBody" in operation:
        found |= {"400", "408", "413", "415"}
    parameters = operation.get("parameters", [])
    if any(parameter["in"] == "query" for parameter in parameters):
        found.add("400")
    if any(parameter["in"] == "path" for parameter in parameters):
        found.add("404")
    return found


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    answers = operation["responses"]
    declared = {status for status in answers if status >= "400"}
    envelope = envelope_at(path)
    for status in declared | statuses_of_any(operation, method):
        said = answers.get(status, {}).get("description") or _TITLES[status]
        answers[status] = {
            "description": said,
            "content": {envelope.media_type: {"schema": {"$ref": f"#/components/schemas/{envelope.schema}"}}},
        }
    operation["responses"] = dict(sorted(answers.items()))
