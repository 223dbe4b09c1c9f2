"""Users' own pronunciations: pinyin, jyutping, ARPAbet, kana or Hangul for a word, or other words in its place.

A dictionary is a JSON object ``{"version": 1, "words": [{"word", "language", "reading"} or {"word", "language",
"alias"}]}``. It is a value: a change makes a new one, and `Dictionary.digest` names exactly this content, so that a
recording can say with which dictionary it was made.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from synth.errors import AssentError
from synth.text.symbols import UNKNOWN, table, word_list

FORMAT_VERSION = 1
MAX_ENTRIES = 5000
MAX_LENGTH = 200

_INITIALS = word_list("zh ch sh b p m f d t n l g k h j q x r z c s y w")
_ARPABET = re.compile(r"[A-Z]{1,2}[012]?")
_READINGS = {
    "zh": re.compile(r"[a-zü:]{1,7}[1-5]"),
    "yue": re.compile(r"[a-z]{1,6}[1-6]"),
    "ja": re.compile(r"[ぁ-ゖァ-ヺー]+"),
    "ko": re.compile(r"[가-힣]+"),
}


@dataclass(frozen=True, order=True)
class Entry:
    """A word with a reading (syllables or phones apart by blanks) or an alias (text to be read in its place)."""

    language: str
    word: str
    reading: str = ""
    alias: str = ""


@dataclass(frozen=True)
class Dictionary:
    """Entries, at most one per language and word."""

    entries: tuple[Entry, ...] = ()

    def words(self, language: str) -> dict[str, tuple[str, ...]]:
        """Word -> reading as the language's ``phones`` wants it."""
        return self._by_language.get(language, {})

    def with_aliases(self, text: str, language: str) -> str:
        """The text with aliases in place of their words (whole words in English), the longest word first.

        One pass: what an alias says is not replaced again, so a text cannot grow without bound.
        """
        pattern, aliases = self._aliases.get(language, (None, {}))
        if pattern is None:
            return text
        return pattern.sub(lambda found: aliases.get(found[0].casefold(), found[0]), text)

    def with_entry(self, entry: Entry) -> Dictionary:
        """A dictionary with this entry in place of any other for the same word."""
        others = [
            other for other in self.entries if (other.language, other.word) != (entry.language, entry.word)
        ]
        return checked([*others, entry])

    def as_dict(self) -> dict[str, Any]:
        """What `load` reads."""
        words = [
            {key: value for key, value in vars(entry).items() if value} for entry in sorted(self.entries)
        ]
        return {"version": FORMAT_VERSION, "words": words}

    @property
    def digest(self) -> str:
        """SHA-256 of the content; the same for the same entries in any order."""
        text = json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _by_language(self) -> dict[str, dict[str, tuple[str, ...]]]:
        words: dict[str, dict[str, tuple[str, ...]]] = {}
        for entry in self.entries:
            if entry.reading:
                word = entry.word.lower() if entry.language == "en" else entry.word
                words.setdefault(entry.language, {})[word] = tuple(entry.reading.split())
        return words

    @cached_property
    def _aliases(self) -> dict[str, tuple[re.Pattern[str], dict[str, str]]]:
        """Language -> pattern of all words that have an alias, and the aliases by folded word."""
        patterns = {}
        for language in {entry.language for entry in self.entries if entry.alias}:
            entries = [entry for entry in self.entries if entry.alias and entry.language == language]
            edge = r"\b" if language == "en" else ""
            words = sorted((entry.word for entry in entries), key=len, reverse=True)
            pattern = re.compile(f"{edge}(?:{'|'.join(map(re.escape, words))}){edge}", re.IGNORECASE)
            patterns[language] = (pattern, {entry.word.casefold(): entry.alias for entry in entries})
        return patterns


NO_WORDS = Dictionary()


def load(content: Mapping[str, Any]) -> Dictionary:
    """The dictionary of a JSON object. AssentError ``dictionary_invalid`` says what is wrong with it."""
    if not isinstance(content, Mapping):
        raise _invalid("A dictionary is a JSON object.")
    if content.get("version") != FORMAT_VERSION or not isinstance(content.get("words"), list):
        raise _invalid(f"A dictionary has version {FORMAT_VERSION} and a list of words.")
    _check_size(len(content["words"]))
    entries = []
    for item in content["words"]:
        if not isinstance(item, dict) or not set(item) <= {"language", "word", "reading", "alias"}:
            raise _invalid("A word has language, word and either reading or alias.")
        if not all(isinstance(value, str) for value in item.values()) or not {"language", "word"} <= set(
            item
        ):
            raise _invalid("A word has language, word and either reading or alias.")
        entries.append(Entry(**item))
    return checked(entries)


def checked(entries: Iterable[Entry]) -> Dictionary:
    """A dictionary of entries that the front-end can use."""
    kept = [_checked(entry) for entry in entries]
    _check_size(len(kept))
    if len({(entry.language, entry.word) for entry in kept}) < len(kept):
        raise _invalid("A word is there twice.")
    return Dictionary(tuple(sorted(kept)))


def _check_size(entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise AssentError(
            "dictionary_invalid",
            f"A dictionary holds at most {MAX_ENTRIES} words.",
            measured=entries,
            limit=MAX_ENTRIES,
        )


def _checked(entry: Entry) -> Entry:
    word, reading, alias = entry.word.strip(), entry.reading.strip(), entry.alias.strip()
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in word + reading + alias):
        raise _invalid("A word, its reading and its alias have no control characters.")
    if not word or bool(reading) == bool(alias) or max(map(len, (word, reading, alias))) > MAX_LENGTH:
        raise _invalid(f"{word or 'An empty word'} needs either a reading or an alias.")
    parts = reading.split()
    if entry.language == "en":
        # A word of another form than letters would never be found in the text.
        fits = re.fullmatch(r"[A-Za-z]+(?:['-][A-Za-z]+)*", word) is not None or bool(alias)
        fits = fits and all(_ARPABET.fullmatch(part) and part in table() for part in parts)
    elif entry.language in _READINGS:
        fits = all(_READINGS[entry.language].fullmatch(part) for part in parts)
        if entry.language in {"zh", "yue"} and reading:
            sounds = _is_pinyin if entry.language == "zh" else _is_jyutping
            fits = fits and len(parts) == len(word) and all(map(sounds, parts))
    else:
        raise _invalid(f"{entry.language} is no language of the front-end.")
    if not fits:
        raise _invalid(f"The reading of {word} is not one of the language {entry.language}.")
    return replace(entry, word=word, reading=" ".join(parts), alias=alias)


def _is_pinyin(syllable: str) -> bool:
    """Whether the parts of a syllable are phones of the table."""
    body, tone = syllable[:-1].replace("u:", "v").replace("ü", "v"), syllable[-1]
    initial = next((start for start in _INITIALS if body.startswith(start)), "")
    final = body.removeprefix(initial)
    if initial in {"j", "q", "x", "y"} or final == "ue":
        final = re.sub("^u", "v", final)
    spelled = bool(initial) or final[:1] in set("aeo")
    return spelled and f"{final}{tone}" in table()


def _is_jyutping(syllable: str) -> bool:
    from synth.text.cantonese import parts

    return UNKNOWN not in parts(syllable)


def _invalid(message: str) -> AssentError:
    return AssentError("dictionary_invalid", message)
