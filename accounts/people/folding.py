"""Names and words as an ear takes them: case, accents, spacing, invisible and look-alike characters folded away."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Characters that are neither seen nor spoken, beside those of category Cf: joiners, fillers, variation selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
# Letters of other scripts that look like Latin ones, in one of their two cases.
_LIKE_LATIN = {
    "a": "\u0430\u03b1\u0251", "e": "\u0435\u03b5", "o": "\u043e\u03bf", "p": "\u0440\u03c1",
    "c": "\u0441\u03f2", "y": "\u0443", "x": "\u0445\u03c7", "i": "\u0456\u03b9\u0131\u0269",
    "j": "\u0458", "s": "\u0455", "d": "\u0501", "h": "\u04bb\u043d",
    "q": "\u051b", "w": "\u051d", "b": "\u044c\u0432", "m": "\u043c",
    "t": "\u0442\u03c4", "k": "\u043a\u03ba", "u": "\u03c5", "n": "\u03bd",
    "g": "\u0261", "l": "\u2113",
}  # fmt: skip
_LOOK_ALIKES = str.maketrans({other: latin for latin, others in _LIKE_LATIN.items() for other in others})
_LATIN = re.compile(r"[a-z]")
_ACCENT = re.compile("[\u0300-\u036f]")
_OTHER = re.compile(r"[\W_]+")
# Scripts that put no spaces between words, and Korean, whose particles cling to them.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
_ENGLISH = re.compile(r"[a-z]{3,}")
_VOWELS = "aeiou"


def seen(text: str) -> str:
    """`text` without what cannot be seen, in one case and one spacing."""
    shown = "".join(c for c in _UNSEEN.sub("", text) if unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", shown).casefold().split())


def plain(text: str) -> str:
    """`seen`, without accents; in a word that holds Latin letters, look-alikes of other scripts become Latin."""
    decomposed = unicodedata.normalize("NFD", seen(text))
    # Accents of alphabets alone: what voices a kana is a letter of its own.
    bare = unicodedata.normalize("NFC", _ACCENT.sub("", decomposed))
    return " ".join(map(_one_script, bare.split(" ")))


def _one_script(word: str) -> str:
    latin = word.translate(_LOOK_ALIKES)
    # A word all of whose letters look Latin is read as one, whichever script they are from.
    whole = all(c.isascii() or not c.isalpha() for c in latin)
    return latin if whole or _LATIN.search(word) else word


def name_of(name: str) -> str:
    """A person's name for comparison: plain words, in alphabetical order, so that "Byron, Ada" is "Ada Byron"."""
    return " ".join(sorted(word for word in _OTHER.split(plain(name)) if word))


def says(text: str, terms: Iterable[str]) -> bool:
    """Whether somebody who hears `text` hears one of `terms`: inflected, spaced out, hyphened or in look-alikes.

    Whole words where the script has word boundaries, anywhere in the text where it has none.
    """
    words = [word for word in _OTHER.split(plain(text)) if word]
    return any(_among(words, term) for term in terms)


def _among(words: Sequence[str], term: str) -> bool:
    wanted = "".join(_OTHER.split(plain(term)))
    if not wanted:
        return False
    if _UNSPACED.search(wanted):
        return wanted in "".join(words)
    forms = inflections(wanted)
    longest = max(map(len, forms))
    for first in range(len(words)):
        joined = ""
        for word in words[first:]:
            joined += word
            if len(joined) > longest:
                break
            if joined in forms:
                return True
    return False


def inflections(word: str) -> frozenset[str]:
    """The forms of a folded English `word`, itself among them; of any other word itself alone."""
    if not _ENGLISH.fullmatch(word):
        return frozenset([word])
    bases = {word}
    if len(word) > 4 and word.endswith("ies"):
        bases.add(word[:-3] + "y")
    if len(word) > 4 and word.endswith("s") and not word.endswith("ss"):
        bases.add(word[:-1])
    return frozenset(form for base in bases for form in _forms(base))


def _forms(base: str) -> set[str]:
    stem = base[:-1] if base.endswith("e") else base
    forms = {base, f"{base}s", f"{base}es", *(stem + end for end in ("ed", "ing", "er", "ers"))}
    if base.endswith("y"):
        forms |= {f"{base[:-1]}{end}" for end in ("ies", "ied", "ier", "iers")}
    if base[-1] not in f"{_VOWELS}wxy" and base[-2] in _VOWELS and base[-3:-2] not in _VOWELS:
        forms |= {f"{base}{base[-1]}{end}" for end in ("ed", "ing", "er", "ers")}
    return forms
