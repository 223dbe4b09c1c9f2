"""Free-text instructions ("speak sadly", "悲伤一点") mapped to a style of the voice.

Only the table below is understood, and only styles that the voice's owner recorded are ever used: an
instruction that names none is ignored, and the answer says so.
"""

from __future__ import annotations

import re

from accounts.people.principals import Principal
from accounts.voices.selectors import approved_styles
from synth.jobs.selectors import voice_named

WORDS: dict[str, tuple[str, ...]] = {
    "sad": ("sad", "sadly", "sorrow", "sorrowful", "grief", "mournful", "melancholy", "melancholic", "悲伤", "难过", "伤心"),
    "cheerful": ("cheerful", "cheerfully", "happy", "happily", "joyful", "excited", "upbeat", "开心", "高兴", "快乐"),
    "angry": ("angry", "angrily", "furious", "annoyed", "生气", "愤怒"),
    "calm": ("calm", "calmly", "gentle", "gently", "soothing", "relaxed", "平静", "温柔", "轻柔"),
    "fearful": ("fearful", "afraid", "scared", "anxious", "害怕", "恐惧"),
    "neutral": ("neutral", "neutrally", "plain", "normal", "中性", "平常"),
}  # fmt: skip
_EMOTION_OF = {word: emotion for emotion, words in WORDS.items() for word in words}


def emotions_in(instructions: str) -> list[str]:
    """Emotions that the text names, in order of appearance; words after a negation do not count."""
    text = instructions.lower()
    found: list[tuple[int, str]] = []
    for word, emotion in _EMOTION_OF.items():
        pattern = re.escape(word) if not word.isascii() else rf"\b{re.escape(word)}\b"
        for match in re.finditer(pattern, text):
            before = text[max(0, match.start() - 12) : match.start()]
            if not re.search(r"(\bnot\b|\bnever\b|n't|\bwithout\b|\bless\b|不|别)\W*(\w+\W+)?$", before):
                found.append((match.start(), emotion))
    return list(dict.fromkeys(emotion for _, emotion in sorted(found)))


def style_for(*, principal: Principal, voice: str, instructions: str) -> str:
    """Name of an approved style of ``voice`` that the instructions ask for; "" when there is none."""
    row = voice_named(principal, voice)
    styles = approved_styles([row])[row.pk]
    lowered = instructions.lower()
    for style in styles:
        if re.search(rf"\b{re.escape(style.name.lower())}\b", lowered) and style.name not in _EMOTION_OF:
            return str(style.name)
    for emotion in emotions_in(instructions):
        for style in styles:
            if emotion in (style.emotion.lower(), style.name.lower()):
                return str(style.name)
    return ""
