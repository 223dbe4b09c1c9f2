"""Which language a text is in, by its letters: asked before anything is queued, so without dictionaries or models."""

from __future__ import annotations

import re
import unicodedata

from synth.errors import AssentError
from synth.text.characters import plain

_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("latin", re.compile(r"[A-Za-zÀ-ɏ]")),
    ("kana", re.compile(r"[ぁ-ゖァ-ヺーｦ-ﾝ]")),
    ("hangul", re.compile(r"[가-힣ㄱ-ㆎᄀ-ᇿ]")),
    ("han", re.compile(r"[㐀-鿿豈-﫿々〇\U00020000-\U0003ffff]")),
)
_READ = {
    "en": {"latin"},
    "zh": {"han", "latin"},
    "yue": {"han", "latin"},
    "ja": {"han", "kana", "latin"},
    "ko": {"hangul", "latin"},
}
# About how many syllables a letter is: a Chinese word among Latin letters weighs as much as it takes to say.
_SYLLABLES = {"latin": 0.35, "kana": 0.8, "hangul": 1.0, "han": 1.0}
_OTHER_SYLLABLES = 0.5
# Kana are certain; so much of them among Han characters is Japanese.
_JAPANESE_SHARE = 0.25
_FAR_FROM_JAPANESE = 0.2  # of Han characters that Japanese has no form of


def check(text: str, language: str) -> None:
    """Refuse a text that a reader of ``language`` (a primary subtag) could not say.

    AssentError ``language_mismatch`` (measured: the language found, limit: the one asked for) when most of it is
    another's, ``nothing_to_speak`` when no letter and no digit is left. Other languages than the front-end's, and
    the automatic modes, are not judged.
    """
    asked = language.removeprefix("all_").split("-")[0].lower()
    if asked not in _READ:
        return
    weights = _weights(plain(text))
    total = sum(weights.values())
    if not total:
        if any(character.isdigit() or unicodedata.category(character) == "No" for character in text):
            return
        raise AssentError(
            "nothing_to_speak", "The text holds nothing that can be spoken.", extra={"param": "input"}
        )
    found = _found(plain(text), weights)
    unread = sum(weight for script, weight in weights.items() if script not in _READ[asked])
    # Han characters are read in both, but not those of a sentence in the other.
    other_han = (asked == "ja" and found == "zh") or (asked in {"zh", "yue"} and found == "ja")
    if unread > 0.5 * total or other_han:
        raise AssentError(
            "language_mismatch",
            f"The text is in another language ({_named(found)}) than the one it is to be spoken in ({asked}).",
            measured=_named(found),
            limit=asked,
            extra={"param": "language"},
        )


def found_language(text: str) -> str:
    """The language that most of a text is in, by its letters: one of the front-end's, or a script's name in English
    (``cyrillic``); empty for a text without letters."""
    text = plain(text)
    weights = _weights(text)
    return _named(_found(text, weights)) if weights else ""


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for character in text:
        script = _script(character)
        if script:
            weights[script] = weights.get(script, 0.0) + _SYLLABLES.get(script, _OTHER_SYLLABLES)
    return weights


def _script(character: str) -> str:
    for name, pattern in _SCRIPTS:
        if pattern.match(character):
            return name
    if unicodedata.category(character) not in {"Lu", "Ll", "Lo", "Lt"}:
        return ""
    return unicodedata.name(character, "unknown").split()[0].lower()


def _found(text: str, weights: dict[str, float]) -> str:
    """``han`` where Chinese and Japanese would write the same."""
    kana, han = weights.get("kana", 0.0), weights.get("han", 0.0)
    heaviest = max(weights, key=lambda script: weights[script])
    if kana + han > 0.5 * sum(weights.values()):
        if kana > _JAPANESE_SHARE * (kana + han):
            return "ja"
        return "zh" if _is_chinese(text) else "han"
    return {"latin": "en", "hangul": "ko", "kana": "ja"}.get(heaviest, heaviest)


def _named(found: str) -> str:
    return "zh" if found == "han" else found


def _is_chinese(text: str) -> bool:
    """Whether many of the Han characters are ones that Japanese does not write."""
    han = [character for character in text if _script(character) == "han"]
    foreign = 0
    for character in han:
        try:
            character.encode("cp932")
        except UnicodeEncodeError:
            foreign += 1
    return foreign > _FAR_FROM_JAPANESE * len(han)
