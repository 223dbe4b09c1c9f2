"""The catalogues of translated text: gathered from templates and code, merged, compiled.

Pure Python (Babel, a development dependency): no GNU gettext is needed on the machine. What pages say is gathered
from `{% translate %}` and `gettext`; refusals are stable codes, gathered from where they are raised, and stand in
the catalogues under the context "refusal" (see `phrases`).
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOMS = ("synth", "accounts", "audit", "watermark", "worker")
REFUSAL = "refusal"
SOURCE_LOCALE = "en"
# Contexts of messages that are chosen at run time and cannot all be gathered: what is translated stays.
KEPT = (REFUSAL, "warning")
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "gettext_noop": None,
}
# Callables whose first argument (or `code` keyword) is the code of a refusal, a gate or a warning.
REFUSALS = {
    "AssentError", "Conflict", "Forbidden", "NotFound", "PayloadTooLarge", "TooMany", "Unavailable",
}  # fmt: skip
CODE = re.compile(r"[a-z][a-z0-9_]{2,60}")
Message = tuple[str | tuple[str, str], str | None]


def messages_in(root: Path) -> dict[tuple[str | None, str], str | tuple[str, str]]:
    """Every message of the project: (context, singular) -> message id (singular, or singular and plural)."""
    found: dict[tuple[str | None, str], str | tuple[str, str]] = {}
    for path in _files(root):
        text = path.read_text(encoding="utf-8")
        source = templatize(text, origin=str(path)) if path.suffix in (".html", ".txt") else text
        for _line, message, _comments, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
            singular = message if isinstance(message, str) else message[0]
            if singular:
                found[(context, singular)] = message if isinstance(message, str) else (message[0], message[1])
        if path.suffix == ".py" and _seen_on_pages(path.relative_to(root)):
            for code in refusal_codes(text):
                found[(REFUSAL, code)] = code
    return found


def _files(root: Path) -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            is_code = path.suffix == ".py" and "migrations" not in path.parts
            if is_code or (path.suffix in (".html", ".txt") and "templates" in path.parts):
                yield path


def _seen_on_pages(path: Path) -> bool:
    """Whether what this module refuses can reach a page; the command line's and the model's own stay English."""
    return path.parts[0] in ("accounts", "watermark") or path.parts[:2] in (
        ("synth", "jobs"),
        ("synth", "projects"),
        ("synth", "rights"),
        ("synth", "webhooks"),
        ("synth", "speech"),
        ("synth", "common"),
        ("synth", "audio"),
        ("synth", "engines"),
    )


def refusal_codes(source: str) -> set[str]:
    """Codes that a module refuses with: first argument of an `AssentError`, `code` of a `Gate`."""
    codes: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in REFUSALS and node.args:
            codes |= _strings(node.args[0])
        elif name == "Gate":
            codes |= {code for key in node.keywords if key.arg == "code" for code in _strings(key.value)}
            if len(node.args) > 5:
                codes |= _strings(node.args[5])
    return {code for code in codes if CODE.fullmatch(code)}


def _strings(node: ast.expr) -> set[str]:
    """Literal strings that an argument may be."""
    if isinstance(node, ast.IfExp):
        return _strings(node.body) | _strings(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


class TimelessCatalog(Catalog):
    """A catalogue whose header names neither a date nor the tool that wrote it.

    The committed files then change when a message does, and not when Babel does.
    """

    def __init__(self, locale: str) -> None:
        super().__init__(
            locale=locale, domain="django", charset="utf-8", fuzzy=False, header_comment="# Assent"
        )

    @property  # type: ignore[misc]  # read-only: what an older file's header says is not taken over
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Project-Id-Version", "Assent"),
            ("Language", str(self.locale_identifier)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit\n"),
        ]


def load(path: Path, locale: str) -> Catalog:
    """The catalogue in a .po file; an empty one where there is none."""
    found = TimelessCatalog(locale)
    if path.exists():
        with path.open("rb") as file:
            for message in read_po(file, locale=locale, domain="django"):
                if message.id:
                    found.add(message.id, message.string, flags=message.flags, context=message.context)
    return found


def merged(root: Path, old: Catalog, locale: str) -> Catalog:
    """The catalogue with exactly the project's messages, and the translations that `old` has of them.

    What `old` translates in the contexts of `KEPT` stays.
    """
    new = TimelessCatalog(locale)
    found = messages_in(root)
    found |= {
        (message.context, str(message.id)): str(message.id) for message in old if message.context in KEPT
    }
    if locale == SOURCE_LOCALE:
        # Codes and warnings are shown in the rooms' own English.
        found = {key: message for key, message in found.items() if key[0] not in KEPT}
    for (context, singular), message in sorted(
        found.items(), key=lambda item: (item[0][0] or "", item[0][1])
    ):
        known = old.get(singular, context)
        plural = isinstance(message, tuple)
        empty = tuple("" for _ in range(new.num_plurals)) if plural else ""
        string = known.string if known and isinstance(known.string, tuple) == plural else empty
        new.add(message, string=string, context=context)
    return new


def missing(catalogue: Catalog) -> list[str]:
    """Messages that have no translation."""
    return [
        str(message.id) if message.context is None else f"{message.context}: {message.id}"
        for message in catalogue
        if message.id and not (all(message.string) if isinstance(message.string, tuple) else message.string)
    ]


def po_text(catalogue: Catalog) -> bytes:
    """The catalogue as a .po file; the same catalogue gives the same bytes."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, no_location=True, sort_output=False)
    return buffer.getvalue()


def mo_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as a .mo file."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()
