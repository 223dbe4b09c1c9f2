"""Word lists of the challenge: the words to be said, and names, organisations and dates that serve as decoys.

Every English word here is in the recogniser's dictionary (a test holds that).
"""

from __future__ import annotations


def listed(text: str) -> tuple[str, ...]:
    """The words of `text`."""
    return tuple(text.split())


# Two syllables each, no two closer than two phones.
WORDS_EN = listed(
    """anchor apple autumn bamboo basket beacon blanket bottle butter cabin candle canyon carpet castle cherry
    chimney circle coffee compass copper cotton crystal daisy diamond dolphin donkey dragon eagle elbow engine
    falcon feather finger forest garden ginger guitar hammer harbor helmet hunter jacket jungle kitchen
    ladder lantern lemon lizard magnet maple market meadow mirror monkey mountain needle ocean orange palace
    parrot pencil pepper pilot planet pocket pumpkin purple rabbit ribbon river saddle salmon shadow silver
    sparrow spider station sugar summer sunset teapot temple thunder ticket tiger timber tractor tunnel turtle
    valley velvet village walnut water whisper window winter yellow zebra"""
)

GIVEN_NAMES = listed(
    """anna peter laura david maria robert susan kevin nancy edward helen victor diana martin olivia george
    rachel thomas emily daniel sophie walter irene charles gloria patrick teresa frank"""
)
FAMILY_NAMES = listed(
    """johnson miller peterson garcia walker robinson campbell mitchell roberts phillips evans parker collins
    stewart sanchez morris rogers cooper richardson watson brooks kelly sanders bennett wood hughes foster
    simmons"""
)
ORGANISATIONS = (
    "northern media",
    "silver lake audio",
    "the evening post",
    "global voice company",
    "green valley radio",
    "first national bank",
    "modern language school",
    "united airlines",
    "pacific publishing",
    "crown theater",
    "blue mountain games",
    "central hospital",
    "city transport",
    "royal book club",
    "future robotics",
    "sunrise television",
    "western insurance",
    "capital news network",
    "open science institute",
    "grand hotel group",
)

# How each purpose of a consent is said (the keys are those of its scope), and the making of a model of the voice.
PURPOSES_EN = {
    "general": "general use",
    "narration": "narration",
    "dubbing": "dubbing",
    "assistant": "assistants",
    "accessibility": "accessibility",
    "advertising": "advertising",
    "political": "politics",
    "custom_weights": "model training",
}

DIGITS = listed("zero one two three four five six seven eight nine")
TEENS = listed("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS = listed(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"""
)
DAYS = (*ORDINALS, *(f"twenty {ordinal}" for ordinal in ORDINALS[:9]), "thirtieth", "thirty first")
MONTHS = listed("january february march april may june july august september october november december")
