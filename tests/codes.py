"""The table of error codes, gathered from where the product makes them: refusals, gates, and reasons in rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("synth", "accounts", "audit", "watermark", "worker")
# What makes a refusal: the family of `AssentError` with its subclasses, gates, and the decoder's child process.
FIRST_ARGUMENT = {
    "AssentError", "Conflict", "Forbidden", "NotFound", "PayloadTooLarge", "TooMany", "Unavailable", "LabelError",
    "AuthenticationFailed", "refuse",
}  # fmt: skip
PREFIXED = {"WeightsError": "weights_"}
# Codes that are put together, or passed on, when the program runs: the expression, and what it may become.
AT_RUN_TIME: dict[str, set[str]] = {
    "f'voice_not_{expected}'": {"voice_not_active", "voice_not_suspended"},
    "_CODES[status_code]": {"invalid_request", "permission_denied", "internal_error", "database_unavailable"},
    "f'{name}_mismatch'": {
        "person_mismatch", "organisation_mismatch", "purposes_mismatch", "date_mismatch",
    },
    "f'{name}_uncertain'": {"person_uncertain", "organisation_uncertain"},
    "code": {
        "language_needs_reviewer", "person_needs_reviewer", "organisation_needs_reviewer",  # a gate's
        "consent_expired", "consent_revoked",  # a job's whose consent ended
    },
}  # fmt: skip
# Passed on as they came from where they are counted: the decoder's child, a row, a framework's exception.
PASSED_ON = {
    "str(header['code'])",
    "facts.pop('code', 'synthesis_failed')",
    "facts.pop('code', 'verification_failed')",
    "code if isinstance(code, str) else 'invalid_request'",
    "reason['code']",
    "gate.code",  # of a gate that is told anew
    "None",
    "f'{weights_path.name} has hash {found[:12]}, not {speaker_weights.SHA256[:12]}'",  # of set-up, without a code
    # Of a class of the same name that is about setting up, without a code.
    "f'{MEMBER} in {REQUIREMENT} is not the file this version was checked with'",
    "f'could not download {REQUIREMENT}: {last[0]}'",
    "request",  # of a page's `refuse(request, error)`
}


@cache
def made() -> dict[str, tuple[str, ...]]:
    """Code -> the files that make it."""
    found: dict[str, set[str]] = {}
    for path, expression, prefix in _expressions():
        for code in AT_RUN_TIME.get(ast.unparse(expression)) or _literals(expression):
            found.setdefault(prefix + code, set()).add(str(path.relative_to(ROOT)))
    return {code: tuple(sorted(paths)) for code, paths in sorted(found.items())}


@cache
def unknown() -> tuple[str, ...]:
    """Expressions for codes of which nobody has said what they may become."""
    return tuple(
        f"{path.relative_to(ROOT)}:{expression.lineno}: {ast.unparse(expression)}"
        for path, expression, _ in _expressions()
        if not _literals(expression) and ast.unparse(expression) not in AT_RUN_TIME.keys() | PASSED_ON
    )


@cache
def _expressions() -> list[tuple[Path, ast.expr, str]]:
    return [
        (path, *found)
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for found in _codes_of(node)
    ]


def _codes_of(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        keywords = {key.arg: key.value for key in node.keywords}
        if name == "AuthenticationFailed":
            if "code" in keywords:
                yield keywords["code"], ""
        elif name in FIRST_ARGUMENT | PREFIXED.keys():
            if node.args:
                yield node.args[0], PREFIXED.get(name, "")
        elif name == "Gate":
            if "code" in keywords:
                yield keywords["code"], ""
            elif len(node.args) > 5:
                yield node.args[5], ""
    elif isinstance(node, ast.Dict):
        facts = dict(zip((ast.unparse(key) for key in node.keys if key), node.values, strict=False))
        if "'code'" in facts and "'message'" in facts and _literals(facts["'code'"]):
            yield facts["'code'"], ""


def _literals(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _literals(node.body) | _literals(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        return {node.value}
    return set()
