"""Emotion tags and a small part of SSML: a marked-up text as segments that each have a style of their own.

``[sad]...[/sad]`` names a style of the voice. SSML (the text begins with ``<speak``): ``break`` (time, strength),
``prosody`` (rate, pitch), ``say-as`` (characters, digits, cardinal, ordinal, telephone, date), ``phoneme`` (ph in
pinyin, jyutping, ARPAbet, kana or Hangul), ``sub`` (alias), ``p`` and ``s``. Anything else is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from xml.parsers import expat

from synth.errors import AssentError
from synth.text.chinese import numbers as chinese_numbers
from synth.text.dictionary import NO_WORDS, Dictionary, Entry, checked
from synth.text.english import numbers as english_numbers

MAX_DEPTH = 16
MAX_SEGMENTS = 500
MAX_NUMBER_DIGITS = 15  # longer numbers are said digit by digit
MAX_BREAK_S = 10.0
RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "fast": 1.2, "x-fast": 1.5, "default": 1.0}
PITCHES = {"x-low": -4.0, "low": -2.0, "medium": 0.0, "high": 2.0, "x-high": 4.0, "default": 0.0}
BREAKS_S = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.0}
_TAG = re.compile(r"\[(/?)([A-Za-z][\w-]{0,31})\]")
_ELEMENTS = {
    "speak": {"version", "xmlns", "xml:lang"},
    "break": {"time", "strength"},
    "prosody": {"rate", "pitch"},
    "say-as": {"interpret-as"},
    "phoneme": {"alphabet", "ph"},
    "sub": {"alias"},
    "p": set(),
    "s": set(),
}


@dataclass(frozen=True)
class Segment:
    """A stretch of text with one manner. ``rate`` 1 is the voice's own; ``pause_s`` is silence after it, if asked for.

    ``words`` holds the pronunciations that were given inside it.
    """

    text: str
    style: str | None = None
    rate: float = 1.0
    pitch_semitones: float = 0.0
    pause_s: float | None = None
    words: Dictionary = field(default=NO_WORDS)


def segments(text: str, language: str, styles: Collection[str] = ()) -> list[Segment]:
    """Segments of a text with tags or SSML; plain text is one segment.

    ``styles`` are the voice's style names; a bracketed word that is none of them is text. AssentError
    ``markup_invalid`` for tags that do not close and for SSML that is broken or asks for what is not offered, a
    reading that is none among it; ``extra`` has the ``position`` in characters from the beginning of ``text`` where it
    is known.
    """
    marked = text.lstrip().startswith("<speak")
    start = len(text) - len(text.lstrip()) if marked else 0
    parts = _Ssml(language, start).read(text.strip()) if marked else [Segment(text)]
    tagged: list[Segment] = []
    open_styles: list[_OpenStyle] = []
    for part in parts:
        tagged += _tagged(part, frozenset(styles), open_styles, marked)
    if open_styles:
        raise _invalid(f"The tag [{open_styles[-1].name}] is not closed.", position=open_styles[-1].position)
    found = [part for part in tagged if part.text.strip() or part.pause_s]
    if len(found) > MAX_SEGMENTS:
        raise _invalid("The text has too many segments.", measured=len(found), limit=MAX_SEGMENTS)
    return found


@dataclass(frozen=True)
class _OpenStyle:
    name: str
    position: int | None


def _tagged(
    part: Segment, styles: Collection[str], open_styles: list[_OpenStyle], marked: bool
) -> Iterator[Segment]:
    start = 0
    found: list[Segment] = []
    for tag in _TAG.finditer(part.text):
        if tag[2] not in styles:
            continue
        found.append(_styled(part, part.text[start : tag.start()], open_styles))
        position = None if marked else tag.start()  # inside SSML it is not that of the document any more
        if tag[1]:
            if not open_styles or open_styles[-1].name != tag[2]:
                raise _invalid(f"[/{tag[2]}] closes a tag that is not open there.", position=position)
            open_styles.pop()
        elif len(open_styles) >= MAX_DEPTH:
            raise _invalid(
                "Tags are nested too deep.", position=position, measured=MAX_DEPTH + 1, limit=MAX_DEPTH
            )
        else:
            open_styles.append(_OpenStyle(tag[2], position))
        start = tag.end()
    found.append(replace(_styled(part, part.text[start:], open_styles), pause_s=part.pause_s))
    yield from found


def _styled(part: Segment, text: str, open_styles: list[_OpenStyle]) -> Segment:
    return replace(part, text=text, style=open_styles[-1].name if open_styles else None, pause_s=None)


class _Ssml:
    """One SSML document. Entities and document types are refused, so nothing can expand or be fetched."""

    def __init__(self, language: str, start: int) -> None:
        self._start_position = start
        self._parser = expat.ParserCreate()
        self._language = language.removeprefix("all_").removeprefix("auto_").replace("auto", "zh")
        self._document, self._at = "", 0
        self._open: list[tuple[str, dict[str, str]]] = []
        self._manners = [Segment("")]
        self._captured = ""
        self._found: list[Segment] = []

    def read(self, text: str) -> list[Segment]:
        parser, self._document = self._parser, text
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            parser.Parse(text, True)
        except expat.ExpatError as error:
            self._at = self._parser.CurrentByteIndex
            raise self._refusal(
                f"The SSML is not well formed (line {error.lineno}, column {error.offset})."
            ) from error
        except UnicodeEncodeError as error:
            raise _invalid(
                "The SSML has half of a character.", position=self._start_position + error.start
            ) from error
        except AssentError as error:
            raise self._refusal(error.message, error.measured, error.limit) from error
        return self._found

    def _refusal(self, message: str, measured: object = None, limit: object = None) -> AssentError:
        before = self._document.encode()[: max(0, self._at)]
        position = self._start_position + len(before.decode(errors="ignore"))
        return _invalid(message, position=position, measured=measured, limit=limit)

    def _refuse_doctype(self, *_: object) -> None:
        self._at = self._parser.CurrentByteIndex
        raise _invalid("A document type is not allowed.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._at = self._parser.CurrentByteIndex
        if len(self._open) >= MAX_DEPTH:
            raise _invalid("Elements are nested too deep.", measured=MAX_DEPTH + 1, limit=MAX_DEPTH)
        if name not in _ELEMENTS or (name == "speak") != (not self._open):
            raise _invalid(f"<{name}> is not offered here.")
        if unknown := set(attributes) - _ELEMENTS[name]:
            raise _invalid(f"<{name}> has no attribute {sorted(unknown)[0]}.")
        if self._open and self._open[-1][0] in {"say-as", "phoneme", "sub", "break"}:
            raise _invalid(f"<{self._open[-1][0]}> holds text only.")
        self._open.append((name, attributes))
        self._captured = ""
        if name == "break":
            self._pause(_break_s(attributes))
        elif name == "prosody":
            self._manners.append(_prosody(self._manners[-1], attributes))

    def _end(self, name: str) -> None:
        self._at = self._parser.CurrentByteIndex
        _, attributes = self._open.pop()
        if name == "prosody":
            self._manners.pop()
        elif name == "phoneme":
            entry = Entry(self._language, self._captured.strip(), reading=attributes.get("ph", ""))
            self._add(self._captured, checked([entry]))
        elif name == "sub":
            self._add(attributes.get("alias", ""))
        elif name == "say-as":
            self._add(said_as(self._captured.strip(), attributes.get("interpret-as", ""), self._language))
        elif name in {"p", "s"}:
            self._pause(BREAKS_S["strong" if name == "p" else "medium"])

    def _text(self, text: str) -> None:
        if self._open and self._open[-1][0] in {"say-as", "phoneme", "sub"}:
            self._captured += text
        else:
            self._add(text)

    def _add(self, text: str, words: Dictionary = NO_WORDS) -> None:
        text = re.sub(r"\s+", " ", text)
        manner = self._manners[-1]
        last = self._found[-1] if self._found else None
        same = (
            last
            and not self._read_otherwise(last.words, words)
            and last.pause_s is None
            and (last.rate, last.pitch_semitones) == (manner.rate, manner.pitch_semitones)
        )
        if last and same:
            known = last.words
            if words.entries:
                known = checked({*known.entries, *words.entries})
            self._found[-1] = replace(last, text=last.text + text, words=known)
        else:
            self._found.append(replace(manner, text=text, words=words))

    @staticmethod
    def _read_otherwise(known: Dictionary, words: Dictionary) -> bool:
        """Whether a word has another reading than before: then what follows is a segment of its own."""
        readings = {(entry.language, entry.word): entry for entry in known.entries}
        return any(readings.get((entry.language, entry.word), entry) != entry for entry in words.entries)

    def _pause(self, seconds: float) -> None:
        if self._found:
            self._found[-1] = replace(self._found[-1], pause_s=max(seconds, self._found[-1].pause_s or 0.0))
        else:
            self._found.append(replace(self._manners[-1], pause_s=seconds))


def _break_s(attributes: dict[str, str]) -> float:
    time = attributes.get("time")
    if time is None:
        return _named(BREAKS_S, attributes.get("strength", "medium"), "break strength")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m?s)", time)
    if not match or (seconds := float(match[1]) / (1000 if match[2] == "ms" else 1)) > MAX_BREAK_S:
        raise _invalid(f"A break lasts at most {MAX_BREAK_S:g}s and is written like 500ms or 1.5s.")
    return seconds


def _prosody(manner: Segment, attributes: dict[str, str]) -> Segment:
    rate, pitch = attributes.get("rate", "default"), attributes.get("pitch", "default")
    percent = re.fullmatch(r"(\d{2,3})%", rate)
    factor = int(percent[1]) / 100 if percent else _named(RATES, rate, "rate")
    if match := re.fullmatch(r"([+-]\d{1,2}(?:\.\d)?)st", pitch):
        semitones = float(match[1])
    else:
        semitones = _named(PITCHES, pitch, "pitch")
    rate_now, pitch_now = manner.rate * factor, manner.pitch_semitones + semitones
    if not 0.5 <= rate_now <= 2.0 or abs(pitch_now) > 12:
        raise _invalid("Rates go from 50% to 200%, pitch from -12st to +12st.")
    return replace(manner, rate=rate_now, pitch_semitones=pitch_now)


def said_as(text: str, kind: str, language: str) -> str:
    """A text written out as ``interpret-as`` asks; ``date`` and unknown words are left to the normaliser."""
    digits = re.sub(r"\D", "", text)
    if kind in {"characters", "spell-out"}:
        return " ".join(text.replace(" ", ""))
    if kind in {"digits", "telephone"} and digits:
        if language in {"zh", "yue"}:
            return chinese_numbers.by_digit(digits, yao=kind == "telephone")
        return english_numbers.digits(digits) if language == "en" else " ".join(digits)
    if kind in {"cardinal", "number", "ordinal"} and digits:
        if len(digits) > MAX_NUMBER_DIGITS:
            return said_as(digits, "digits", language)
        if language in {"zh", "yue"}:
            return ("第" if kind == "ordinal" else "") + chinese_numbers.cardinal(digits)
        if language == "en":
            return (
                english_numbers.ordinal(int(digits))
                if kind == "ordinal"
                else english_numbers.cardinal(int(digits))
            )
        return digits
    if kind == "date":
        return text
    raise _invalid(f"say-as cannot read this as {kind or 'nothing'}.")


def _named(names: dict[str, float], name: str, what: str) -> float:
    if name not in names:
        raise _invalid(f"{name} is no {what}.")
    return names[name]


def _invalid(
    message: str, *, position: int | None = None, measured: object = None, limit: object = None
) -> AssentError:
    extra = {} if position is None else {"position": position}
    return AssentError("markup_invalid", message, measured=measured, limit=limit, extra=extra)
