"""Capitals in English: which are spelled, which are a word, and where a new word begins inside one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from synth.text.english.lexicon import in_dictionary
from synth.text.english.numbers import letters
from synth.text.symbols import word_list

_SYLLABLES = re.compile("(?:[B-DF-HJ-NP-TV-Z][AEIOU]){2,}[B-DF-HJ-NP-TV-Z]?")
_CAPITALS = re.compile(r"[^A-Za-z]*[A-Z]+(?:'[A-Z]+)?[^A-Za-z]*")
# Short words that are no acronym, so that one alone is a word that is stressed: do NOT.
_STRESSED = frozenset(
    word_list(
        "NOT AND THE YOU ALL NO YES GO NOW NEW ONE TWO SIX TEN BIG OUT OFF WOW HEY WHY HOW SHE HER HIS HIM OUR ANY "
        "BUT FOR GET GOT HAS HAD LET MAY SAY SEE TOO TRY USE WAS WAY YET BAD DAY END FUN HOT MAN MEN OLD OWN RED RUN "
        "SIT SO SON SUN TOP WAR WIN DO MY WE BE IF OF ON TO UP AS AT BY NOR OUR DID CAN ARE LOW HIGH SAD MAD FREE"
    )
)
# Spelled also among other capitals, though the dictionary takes them for words or names.
_SPELLED = frozenset(
    word_list(
        "AI AC AG AP AR BA BC BS CA CC CD CV DC DE DJ DR EC EP EQ ET EU FA FC FM GE GI GM GP HP HR IP IQ IR "
        "LA LP LL MC MP MS OS PC PE PR PS QA QC RA RF RV SA SC SE SF SQ SS TB TV UI UK UN US VC VP VR XL "
        "ACLU AFL ATM BBC BMW CBS CEO CFO CIA CIO CNN COO CPU CTO DNA DVD EPA ESPN FAA FAQ FBI FDA GDP GPS GPU HBO "
        "HIV IBM IMF IPO IRS KFC LED LLC MBA MIT MVP NBA NBC NCAA NFL NGO NHL NPR NYC OECD PBS PDF PHD "
        "PLC RNA ROI RPM SUV UCLA UFO UPS URL USA USB USSR VIP WTO WWW HTML HTTP HTTPS JPEG LGBT MRI MTV NYPD LAPD "
        "NAACP"
    )
)  # fmt: skip


def cased(words: Sequence[str]) -> list[str]:
    """Words with capital runs spelled where they are no words, and inner capitals apart (iPhone -> i Phone)."""
    shouted = _shouted(words)
    return [_cased(word, loud) for word, loud in zip(words, shouted, strict=True)]


def _shouted(words: Sequence[str]) -> list[bool]:
    """For each word whether it stands among capitals that cannot all be acronyms: DO NOT ENTER."""
    found = [False] * len(words)
    start = 0
    while start < len(words):
        end = start
        while end < len(words) and _CAPITALS.fullmatch(words[end]):
            end += 1
        run = [re.sub("[^A-Z]", "", word) for word in words[start:end]]
        plain = [word for word in run if word in _STRESSED or (len(word) > 3 and _known(word))]
        if sum(len(word) > 1 for word in run) > 1 and plain:
            found[start:end] = [True] * (end - start)
        start = max(end, start + 1)
    return found


def _known(word: str) -> bool:
    return in_dictionary(word.lower()) and word not in _SPELLED


def readable_capitals(word: str, shouted: bool = False) -> bool:
    """Whether capitals are a word shouted or an acronym read as a word.

    Four letters and up in the dictionary (any length among other shouted words); five and up that fall into
    syllables of a consonant and a vowel (COVID).
    """
    if word in _STRESSED or (shouted and (_known(word) or (len(word) > 5 and re.search("[AEIOUY]", word)))):
        return True
    return (len(word) >= 4 and _known(word)) or (len(word) >= 5 and _SYLLABLES.fullmatch(word) is not None)


def _cased(word: str, shouted: bool) -> str:
    """GPUs -> G P U's, ChatGPT -> Chat G P T, McDonald -> Mcdonald."""
    if re.fullmatch("(?:Mc|Mac|O')[A-Z][a-z]+(?:'s)?", word):
        return word.capitalize()
    if match := re.fullmatch(r"([^A-Za-z]*)([A-Z]+)'([A-Z]+)([^A-Za-z]*)", word):
        contraction = f"{match[2]}'{match[3]}".lower()  # DON'T, JOHN'S
        if in_dictionary(contraction) or (match[3] == "S" and readable_capitals(match[2], shouted)):
            return match[1] + contraction + match[4]
    parts = re.findall(r"[A-Z]{2,}(?=s\b)|[A-Z]+(?![a-z])|[A-Z]?[a-z]+(?:'[a-z]+)?|[^A-Za-z]+|[A-Z]", word)
    spoken = ""
    for part in parts:
        apart = spoken and spoken[-1].isalpha() and part[0].isalpha()
        if part.isupper() and len(part) > 1:
            readable = readable_capitals(part, shouted)
            piece = letters(part) if not readable else part.lower() if shouted else part
        elif part == "s" and spoken[-1:].isupper():
            piece, apart = "'s", False
        else:
            piece = part
        spoken += (" " if apart else "") + piece
    return spoken
