"""Text as Whisper's tokens and back, with the place of every token in the text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

#: Languages that Whisper writes without spaces: each character is a word of its own.
UNSPACED = frozenset({"zh", "ja", "yue", "th", "lo", "my", "km"})
#: Ours that the network has under another name: Cantonese is one of the Chinese languages to it.
_NAMES = {"yue": "zh"}

_WORD = re.compile(r"\S+")
_CHARACTER = re.compile(r"[^\W_]|[^\w\s]", re.UNICODE)


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text; ``spans`` are their first and last character (exclusive) in it."""

    text: str
    ids: list[int]
    spans: list[tuple[int, int]]


class Tokeniser:
    """The tokenizer of a CTranslate2 conversion of Whisper in ``folder``."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(
            _with_first_merge((folder / "tokenizer.json").read_text("utf-8"))
        )

    def encode(self, text: str, language: str) -> Tokens:
        """Tokens of ``text`` as the network writes it: with a space before the first word where it writes any."""
        text = text.strip()
        lead = "" if language in UNSPACED else " "
        encoded = self._tokenizer.encode(lead + text, add_special_tokens=False)
        spans = [(max(0, begin - len(lead)), max(0, end - len(lead))) for begin, end in encoded.offsets]
        return Tokens(text, list(encoded.ids), spans)

    def decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids)).strip()

    def start(self, language: str) -> list[int]:
        """What every transcript begins with. KeyError for a language that the network does not know."""
        return [
            self.special("startoftranscript"),
            self.special(_NAMES.get(language, language)),
            self.special("transcribe"),
        ]

    def special(self, name: str) -> int:
        found = self._tokenizer.token_to_id(f"<|{name}|>")
        if found is None:
            raise KeyError(name)
        return int(found)

    def knows(self, language: str) -> bool:
        return self._tokenizer.token_to_id(f"<|{_NAMES.get(language, language)}|>") is not None


def words_of(text: str, language: str) -> list[tuple[int, int]]:
    """First and last character (exclusive) of every word; of every character in languages without spaces."""
    pattern = _CHARACTER if language in UNSPACED else _WORD
    return [match.span() for match in pattern.finditer(text)]


def _with_first_merge(tokenizer_json: str) -> str:
    """The conversion lost the first merge of the byte pairs, "Ġ t": without it every word that begins with t falls
    into two tokens that the network never saw together, and forced texts with such words are scored wrong."""
    spec = json.loads(tokenizer_json)
    merges = spec["model"]["merges"]
    first: str | list[str] = "Ġ t" if isinstance(merges[0], str) else ["Ġ", "t"]
    if merges[0] != first:
        spec["model"]["merges"] = [first, *merges]
    return json.dumps(spec)
