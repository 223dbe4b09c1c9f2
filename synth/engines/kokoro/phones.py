"""Phones of our text front-end in the symbols that Kokoro was trained on (IPA-like, one character a token).

English: the American set, stress before the vowel. Mandarin: the syllable in IPA, an arrow for the tone after its
vowel. Japanese: the sounds of kana. What has no symbol is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from synth.text.frontend import Piece

_ENGLISH = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "IH": "ɪ",
    "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "F": "f",
    "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s",
    "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_UNSTRESSED = {"AH": "ə", "ER": "əɹ"}
_STRESS = {"1": "ˈ", "2": "ˌ"}

_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x",
    "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s",
    "w": "", "y": "", "AA": "", "EE": "", "OO": "", "E": "",
}  # fmt: skip
#: Finals with "0" where the tone goes; after y and w they are looked up with that letter.
_FINALS = {
    "a": "a0", "o": "wo0", "e": "ɤ0", "i": "i0", "u": "u0", "v": "y0", "ai": "ai0", "ei": "ei0", "ao": "au0",
    "ou": "ou0", "an": "a0n", "en": "ə0n", "ang": "a0ŋ", "eng": "ə0ŋ", "ong": "ʊ0ŋ", "ia": "ja0", "ie": "je0",
    "iao": "jau0", "iu": "jou0", "ian": "jɛ0n", "in": "i0n", "iang": "ja0ŋ", "ing": "i0ŋ", "iong": "jʊ0ŋ",
    "ua": "wa0", "uo": "wo0", "uai": "wai0", "ui": "wei0", "uan": "wa0n", "un": "wə0n", "uang": "wa0ŋ",
    "ueng": "wə0ŋ", "ve": "ɥe0", "van": "ɥɛ0n", "vn": "y0n", "er": "ɚ0", "ir": "ɨ0", "i0": "ɨ0", "En": "ɛ0n",
}  # fmt: skip
_AFTER_Y = {
    "a": "ja0", "o": "jo0", "e": "je0", "E": "je0", "ao": "jau0", "ou": "jou0", "an": "jɛ0n", "En": "jɛ0n",
    "ang": "ja0ŋ", "ong": "jʊ0ŋ", "u": "y0",
}  # fmt: skip
_AFTER_W = {
    "a": "wa0", "o": "wo0", "ai": "wai0", "ei": "wei0", "an": "wa0n", "en": "wə0n", "ang": "wa0ŋ", "eng": "wə0ŋ",
}  # fmt: skip
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}

_JAPANESE = {
    "a": "a", "i": "i", "u": "ɯ", "e": "e", "o": "o", "A": "a", "I": "i", "U": "ɯ", "E": "e", "O": "o", "k": "k",
    "g": "ɡ", "s": "s", "z": "ʣ", "sh": "ɕ", "j": "ʥ", "t": "t", "d": "d", "ch": "ʨ", "ts": "ʦ", "n": "n", "h": "h",
    "f": "ɸ", "b": "b", "p": "p", "m": "m", "y": "j", "r": "ɾ", "w": "β", "v": "v", "ky": "kʲ", "gy": "ɡʲ",
    "ny": "ɲ", "hy": "ç", "by": "bʲ", "py": "pʲ", "my": "mʲ", "ry": "ɾʲ", "ty": "tʲ", "dy": "dʲ", "kw": "kᵝ",
    "gw": "ɡᵝ", "cl": "ʔ", "N": "ɴ",
}  # fmt: skip
#: Consonants that are soft before i, as Kokoro's Japanese has them.
_SOFT_BEFORE_I = {"k", "g", "b", "p", "m", "r", "t", "d", "f"}
_SOFT = {"sh", "j", "ch", "ky", "gy", "ny", "hy", "by", "py", "my", "ry", "ty", "dy"}
#: The moraic nasal takes the place of what follows.
_NASAL = {
    "p": "m",
    "b": "m",
    "m": "m",
    "k": "ŋ",
    "g": "ŋ",
    "n": "n",
    "t": "n",
    "d": "n",
    "s": "n",
    "z": "n",
    "r": "n",
}

_MARKS = {"-": "—", "…": "…"} | {mark: mark for mark in ";:,.!?—"}
_VOWEL = re.compile(r"[AEIOU]")


def symbols(piece: Piece) -> list[str]:
    """Kokoro's symbols for each phone of ``piece``, in order; "" where a phone has none. Marks stand for themselves;
    word borders are the caller's (`Piece.words`)."""
    if piece.language == "zh":
        return _mandarin(piece.phones)
    if piece.language == "ja":
        return _japanese(piece.phones)
    return _english(piece)


def text_of(piece: Piece) -> tuple[str, list[tuple[int, int]]]:
    """The symbols of ``piece`` as one string, words apart by blanks, and the span of each word in it (marks are no
    words)."""
    signs = symbols(piece)
    joined, spans = "", []
    for word in piece.words:
        said = "".join(signs[word.start : word.end])
        if not said:
            continue
        if said in _MARKS.values():
            joined = joined.rstrip() + said + " "
            continue
        spans.append((len(joined), len(joined) + len(said)))
        joined += said + " "
    return joined.rstrip(), spans


def _english(piece: Piece) -> list[str]:
    starts = {word.start for word in piece.words}
    signs = []
    for at, phone in enumerate(piece.phones):
        name, stress = (phone[:-1], phone[-1]) if phone[-1:].isdigit() else (phone, "")
        if name not in _ENGLISH:
            signs.append(_MARKS.get(name, ""))
            continue
        sound = _UNSTRESSED.get(name, _ENGLISH[name]) if stress == "0" else _ENGLISH[name]
        if phone == "T" and at not in starts and _flaps(piece.phones, at, starts):
            sound = "ɾ"
        signs.append(_STRESS.get(stress, "") + sound)
    return signs


def _flaps(phones: Sequence[str], at: int, word_starts: set[int]) -> bool:
    """Whether a T is flapped: inside a word, after a vowel or R, before an unstressed vowel."""
    if at == 0 or at + 1 >= len(phones) or at + 1 in word_starts:
        return False
    before, after = phones[at - 1], phones[at + 1]
    return bool(before == "R" or _VOWEL.match(before)) and after.endswith("0")


def _mandarin(phones: Sequence[str]) -> list[str]:
    signs, initial = [], ""
    for phone in phones:
        if phone in _INITIALS:
            initial = phone
            signs.append(_INITIALS[phone])
        elif phone in _MARKS:
            signs.append(_MARKS[phone])
        else:
            final, tone = phone[:-1], phone[-1]
            signs.append(_final(initial, final).replace("0", _TONES.get(tone, "")))
    return signs


def _final(initial: str, final: str) -> str:
    if initial == "y" and final in _AFTER_Y:
        return _AFTER_Y[final]
    if initial == "w" and final in _AFTER_W:
        return _AFTER_W[final]
    if initial == "y" and final.startswith("v"):
        return _FINALS.get(final, "")
    if final == "v" or final.startswith("v"):
        return _FINALS.get(final, "")
    if initial in ("j", "q", "x") and final.startswith("u"):
        return _FINALS.get("v" + final[1:], _FINALS.get(final, ""))
    if initial in ("b", "p", "m", "f") and final == "o":
        return "wo0"
    return _FINALS.get(final, "")


def _japanese(phones: Sequence[str]) -> list[str]:
    sounded = [phone for phone in phones if phone in _JAPANESE]
    signs, n = [], -1
    for phone in phones:
        if phone not in _JAPANESE:  # marks; pitch accents have no symbol
            signs.append(_MARKS.get(phone, ""))
            continue
        n += 1
        before = sounded[n - 1] if n else ""
        after = sounded[n + 1] if n + 1 < len(sounded) else ""
        signs.append(_mora_part(phone, before, after))
    return signs


def _mora_part(phone: str, before: str, after: str) -> str:
    if phone == "N":
        return _NASAL.get(after[:1], "ɲ" if after in ("ny", "ch", "j") else "ɴ")
    if phone in ("i", "I") and before in _SOFT_BEFORE_I:
        return "ʲi"
    if phone == "i" and before == "h":
        return "i"
    if phone == "h" and after in ("i", "I"):
        return "ç"
    if phone == "n" and after in ("i", "I"):
        return "ɲ"
    if phone in ("u", "U"):
        if before in ("s", "z", "ts"):
            return "ɨ"
        return "ɨ" if before in _SOFT else "ɯ"
    if phone == "z" and after in ("u", "U"):
        return "z"
    if phone in "aiueo" and phone == before:
        return "ː"
    return _JAPANESE[phone]
