"""A script as it was handed in, read into lines: CSV, JSON, SubRip, WebVTT or plain text.

What strangers send: its size is known before it is read, its encoding is UTF-8 (or UTF-16 that says so), and whatever
does not fit is refused with the line that it stands in. Nothing in a cell means anything but its characters.

Times are those of SubRip (00:01:02,500) and WebVTT (https://www.w3.org/TR/webvtt1/, 01:02.500).
"""

from __future__ import annotations

import codecs
import csv
import html
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import Any

from synth.errors import AssentError, PayloadTooLarge

FORMATS = ("csv", "json", "srt", "vtt", "txt")
MAX_SCRIPT_BYTES = 2 * 1024 * 1024
"""A novel has half of it."""
MAX_LINES = 1000
MAX_ROWS = 10 * MAX_LINES  # with those that have nothing to say
MAX_SLOT_MS = 4 * 3600 * 1000
"""Longer than any film: a later time is a mistake, or an attack on whoever lays out the track."""
MAX_WARNINGS = 50
_LONGEST = {"voice": 100, "style": 40}
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?")
_SECONDS = re.compile(r"\d{1,6}(?:\.\d{1,6})?")
_CUE = re.compile(r"^\s*(\S+)\s+-->\s+(\S+)(?:\s.*)?$")
_TAGS = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_VTT_BLOCKS = ("NOTE", "STYLE", "REGION")
#: Encodings that a script in none of the accepted ones may be in, as it is told; the first that fits is named.
_GUESSES = ("gb18030", "shift_jis", "big5", "euc_kr")
_HIGH = re.compile(rb"[\x80-\xff]+")


@dataclass(frozen=True)
class ScriptLine:
    """A line as it was written; empty or None: as the project says."""

    text: str
    voice: str = ""
    style: str = ""
    speed: float | None = None
    begin_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True)
class Script:
    """``warnings`` are ``{"code", "line"}`` and what else there is to say: nothing was left out in silence."""

    lines: list[ScriptLine]
    warnings: list[dict[str, Any]]


COLUMNS = tuple(field.name for field in fields(ScriptLine))
_CLOCK_COLUMNS = {"begin": "begin_ms", "end": "end_ms"}


def refuse_too_large(size_bytes: int | None) -> None:
    """PayloadTooLarge ``script_too_large``; asked before a byte is read."""
    if size_bytes is not None and size_bytes > MAX_SCRIPT_BYTES:
        raise PayloadTooLarge(
            "script_too_large",
            f"A script has at most {MAX_SCRIPT_BYTES // 1024} KiB.",
            measured=size_bytes,
            limit=MAX_SCRIPT_BYTES,
        )


def read(data: bytes, *, format: str = "", name: str = "") -> Script:
    """The lines of a script. ``format`` is one of `FORMATS`; empty: by the file's ``name``, else by its beginning.

    Raises PayloadTooLarge ``script_too_large``; AssentError ``script_encoding`` (what it seems to be is ``measured``),
    ``script_unreadable``, ``script_format_unknown``, ``script_empty``, ``script_too_many_lines``, ``slot_invalid``.
    """
    refuse_too_large(len(data))
    text = _decoded(data)
    kind = format or _format_of(name, text)
    if kind not in FORMATS:
        raise AssentError(
            "script_format_unknown",
            f"A script is {', '.join(FORMATS)}.",
            measured=kind[:20],
            limit=list(FORMATS),
        )
    warnings: list[dict[str, Any]] = []
    if kind == "json":
        rows: Iterable[tuple[int, Mapping[str, Any]]] = enumerate(_json_rows(text), start=1)
    elif kind == "csv":
        rows = _csv_rows(text, warnings)
    elif kind == "txt":
        rows = ((n, {"text": line}) for n, line in enumerate(text.splitlines(), start=1) if line.strip())
    else:
        rows = _cues(text)
    return _script(rows, warnings)


def read_rows(rows: Sequence[Mapping[str, Any]]) -> Script:
    """The lines of a request in JSON, by the same rules."""
    return _script(enumerate(rows, start=1), [])


def _script(rows: Iterable[tuple[int, Mapping[str, Any]]], warnings: list[dict[str, Any]]) -> Script:
    lines = []
    for count, (at, row) in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise _too_many(count)
        line = _line(at, row, warnings)
        if not any(character.isalnum() for character in line.text):
            if len(warnings) < MAX_WARNINGS:
                warnings.append({"code": "nothing_to_say", "line": at})
            continue
        lines.append(line)
        if len(lines) > MAX_LINES:
            raise _too_many(len(lines))
    if not lines:
        raise AssentError("script_empty", "There is nothing to say in this script.", measured=0)
    return Script(lines, warnings[:MAX_WARNINGS])


def _too_many(count: int) -> AssentError:
    return AssentError(
        "script_too_many_lines", f"A script has at most {MAX_LINES} lines.", measured=count, limit=MAX_LINES
    )


def _line(at: int, row: Mapping[str, Any], warnings: list[dict[str, Any]]) -> ScriptLine:
    strange = (str(name)[:40] for name in row if name not in COLUMNS and name not in _CLOCK_COLUMNS)
    unknown = sorted(name.replace("\0", "\ufffd") for name in strange)  # no NUL stands in a column of JSON
    if unknown and len(warnings) < MAX_WARNINGS:
        warnings.append({"code": "columns_ignored", "line": at, "names": unknown[:10]})
    texts: dict[str, Any] = {name: _text(at, name, row.get(name)) for name in ("text", "voice", "style")}
    times: dict[str, Any] = {name: _ms(at, name, row.get(name)) for name in ("begin_ms", "end_ms")}
    for name, kept in _CLOCK_COLUMNS.items():
        if times[kept] is None:
            times[kept] = _clock_ms(at, name, row.get(name))
    line = ScriptLine(**texts, speed=_speed(at, row.get("speed")), **times)
    refuse_slot(line.begin_ms, line.end_ms, line=at)
    return line


def refuse_slot(begin_ms: int | None, end_ms: int | None, *, line: int) -> None:
    """AssentError ``slot_invalid`` unless the times are a place on a timeline."""
    measured = [begin_ms, end_ms]
    outside = [ms for ms in measured if ms is not None and not 0 <= ms <= MAX_SLOT_MS]
    if outside:
        raise _bad_slot(line, f"A time lies between 0 and {MAX_SLOT_MS} ms", outside[0], MAX_SLOT_MS)
    if end_ms is not None and (begin_ms is None or end_ms <= begin_ms):
        raise _bad_slot(line, "A slot begins before it ends", measured, None)


def _text(at: int, name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or "\x00" in value:
        raise _unreadable(at, f"{name} is not a text", type(value).__name__, None)
    limit = _LONGEST.get(name)
    if limit is not None and len(value) > limit:
        raise _unreadable(at, f"{name} is longer than {limit} characters", len(value), limit)
    return " ".join(value.split()) if name != "text" else value.strip()


def _speed(at: int, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        speed = float(value)
        if isinstance(value, bool) or not math.isfinite(speed):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise _unreadable(at, "speed is not a number", str(value)[:20], None) from None
    return speed


def _ms(at: int, name: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,12}(\.0{1,6})?", text):
        raise _bad_slot(at, f"{name} is a whole number of milliseconds", text[:20], None)
    return int(text.partition(".")[0])


def _clock_ms(at: int, name: str, value: Any) -> int | None:
    """Milliseconds of a time of day or of seconds."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds, fraction = match.groups()
        if int(minutes) < 60 and int(seconds) < 60:
            whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
            return whole * 1000 + int((fraction or "0").ljust(3, "0"))
    elif _SECONDS.fullmatch(text) and not isinstance(value, bool):
        return round(float(text) * 1000)
    raise _bad_slot(at, f"{name} is no time such as 00:01:02.500", text[:20], None)


def _decoded(data: bytes) -> str:
    """UTF-8, with or without its mark, or UTF-16 with one."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line, guess = data.count(b"\n", 0, error.start) + 1, _guess(data)
        raise AssentError(
            "script_encoding",
            f"Line {line} is not UTF-8 (it may be {guess}). Save the script as UTF-8 and send it again.",
            measured=guess,
            limit="utf-8",
            extra={"line": line},
        ) from None
    if "\x00" in text:
        raise AssentError(
            "script_encoding", "This is not a text in UTF-8.", measured=_guess(data), limit="utf-8",
            extra={"line": text.count("\n", 0, text.index("\x00")) + 1},
        )  # fmt: skip
    return text


def _guess(data: bytes) -> str:
    """What bytes that are no UTF-8 seem to be."""
    if data.startswith(b"PK\x03\x04"):
        return "a spreadsheet or another ZIP file"
    if data.count(0) > len(data) // 4:
        return "utf-16 without a byte order mark"
    runs = [len(run) for run in _HIGH.findall(data)]
    if sum(runs) < 2 * len(runs):  # letters with accents stand alone; those of East Asia come in pairs
        return "windows-1252"
    for name in _GUESSES:
        try:
            data.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "unknown"


def _format_of(name: str, text: str) -> str:
    ending = PurePath(name).suffix.lower().lstrip(".")
    if ending:
        return ending
    beginning = text.lstrip()[:4096]
    if beginning.startswith("WEBVTT"):
        return "vtt"
    if beginning.startswith(("{", "[{", "[\n")):
        return "json"
    return "srt" if re.search(r"^\s*[\d:,]+ --> ", beginning, re.MULTILINE) else "txt"


def _json_rows(text: str) -> list[Mapping[str, Any]]:
    """The rows of ``[{...}]`` or ``{"lines": [{...}]}``."""
    try:
        found = json.loads(text, parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()  # half of a character pair cannot be written again
    except (ValueError, RecursionError) as error:
        raise AssentError("script_unreadable", f"This is no JSON: {str(error)[:80]}.") from None
    rows = found.get("lines") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AssentError("script_unreadable", 'Lines are a list of objects, or stand under "lines".')
    return rows


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _csv_rows(text: str, warnings: list[dict[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows under a header that names at least ``text``; by commas, semicolons or tabs, as the header has them."""
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if "text" not in names or len(set(names)) < len(names):
            raise AssentError(
                "script_unreadable", "The first row of a CSV names the columns, each once; one of them is text.",
                measured=[name[:20] for name in names[:12]], limit=[*COLUMNS, *_CLOCK_COLUMNS],
            )  # fmt: skip
        known = {*COLUMNS, *_CLOCK_COLUMNS}
        if others := [name[:40] for name in names if name not in known]:
            warnings.append({"code": "columns_ignored", "line": 1, "names": others[:10]})
        for cells in reader:
            if len(cells) > len(names):
                raise _unreadable(reader.line_num, "More cells than columns", len(cells), len(names))
            if any(cell.strip() for cell in cells):
                row = dict(zip(names, cells, strict=False))
                yield reader.line_num, {name: row[name] for name in row if name in known}
    except csv.Error as error:
        raise _unreadable(reader.line_num, f"This is no CSV: {error}", None, None) from None


def _cues(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The cues of SubRip or WebVTT, whose only difference here is what else may stand between them."""
    at = 1
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        rows = block.split("\n")
        first = at
        at += len(rows) + 1
        timing = next((n for n, row in enumerate(rows) if "-->" in row), None)
        if timing is None:
            stray = block.strip()
            if stray and not stray.startswith(("WEBVTT", *_VTT_BLOCKS)) and not stray.isdecimal():
                raise _unreadable(first, "There is a text without its times", stray[:40], None)
            continue
        match = _CUE.match(rows[timing])
        if match is None:
            raise _bad_slot(first + timing, "These are no times of a cue", rows[timing][:40], None)
        said = " ".join(row.strip() for row in rows[timing + 1 :] if row.strip())
        yield first + timing, {"text": html.unescape(_TAGS.sub("", said)), "begin": match[1], "end": match[2]}


def _unreadable(line: int, what: str, measured: Any, limit: Any) -> AssentError:
    return AssentError(
        "script_unreadable", f"Line {line}: {what}.", measured=measured, limit=limit, extra=_at(line)
    )


def _bad_slot(line: int, what: str, measured: Any, limit: Any) -> AssentError:
    return AssentError(
        "slot_invalid", f"Line {line}: {what}.", measured=measured, limit=limit, extra=_at(line)
    )


def _at(line: int) -> dict[str, Any]:
    return {"line": line, "param": "script"}
