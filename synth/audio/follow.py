"""The follow report: does the output sound the way the style clip does?

Computed for every job, whatever the engine. Pace is compared in syllables when both texts are known
(counted from spelling, which is rough but the same rule on both sides), else by the sound alone.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

import numpy.typing as npt

from synth.audio.prosody import measure

#: What counts as followed; the values are those that the preview engine is tested against.
TOLERANCES = {
    "f0_median_percent": 6.0,
    "f0_range_st": 1.7,
    "rate_percent": 10.0,
    "pause_ratio": 0.05,
    "level_db": 4.0,
}
#: Pauses beyond this share of the time are not imitated.
PAUSE_RATIO_MAX = 0.22

_SYLLABIC = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
_SMALL_KANA = re.compile(r"[ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ]")
_VOWELS = re.compile(r"[aeiouyàâäáãåæèêëéìîïíòôöóõøœùûüúýÿąęıаеёиоуыэюя]+")


def count_syllables(text: str) -> int:
    """Syllables by spelling: characters of Chinese, kana and hangul, vowel groups of alphabetic words."""
    text = unicodedata.normalize("NFC", text).lower()
    count = len(_SYLLABIC.findall(text)) - len(_SMALL_KANA.findall(text))
    for word in re.findall(r"[^\W\d_]+", _SYLLABIC.sub(" ", text)):
        groups = len(_VOWELS.findall(word))
        if groups > 1 and re.search(r"[^aeiouyl]e$|[^aeiouydt]ed$", word):
            groups -= 1  # the silent e of English
        count += max(1, groups)
    return count + 2 * len(re.findall(r"\d", text))


def follow_report(
    reference: npt.NDArray[Any],
    reference_rate_hz: int,
    output: npt.NDArray[Any],
    output_rate_hz: int,
    *,
    reference_text: str = "",
    output_text: str = "",
    reference_units: int | None = None,
    output_units: int | None = None,
    speed: float = 1.0,
    similarity: float | None = None,
) -> dict[str, Any]:
    """Compare mono ``output`` with mono ``reference``; JSON values.

    ``*_units`` are phone counts where an engine knows them; without, syllables of the texts are used, and
    without texts the syllable rate of the sound. ``speed`` is what the caller asked for on top of the
    clip's pace. Returns {"reference": {...}, "output": {...}, "difference": {...}, "followed": {...},
    "rate_unit": ..., "similarity": ...}; a difference that cannot be told is null.
    """
    unit = "phones"
    if not (reference_units and output_units):
        unit = "syllables"
        reference_units, output_units = count_syllables(reference_text), count_syllables(output_text)
    if not (reference_units and output_units):
        unit, reference_units, output_units = "syllables by sound", None, None
    ref = measure(reference, reference_rate_hz, units=reference_units)
    out = measure(output, output_rate_hz, units=output_units)
    ref_rate = ref.rate_per_s or ref.syllables_per_s
    out_rate = out.rate_per_s or out.syllables_per_s
    voiced = ref.f0_median_hz > 0 and out.f0_median_hz > 0
    difference: dict[str, float | None] = {
        "f0_median_percent": 100 * (out.f0_median_hz / ref.f0_median_hz - 1) if voiced else None,
        "f0_range_st": out.f0_range_st - ref.f0_range_st if voiced else None,
        "rate_percent": 100 * (out_rate / (ref_rate * speed) - 1) if ref_rate and out_rate else None,
        "pause_ratio": out.pause_ratio - min(ref.pause_ratio, PAUSE_RATIO_MAX),
        "level_db": out.level_db - ref.level_db,
    }
    return {
        "reference": ref.as_dict() | {"rate_per_s": round(ref_rate, 3)},
        "output": out.as_dict() | {"rate_per_s": round(out_rate, 3)},
        "difference": {k: None if v is None else round(v, 3) for k, v in difference.items()},
        "followed": {k: None if v is None else bool(abs(v) <= TOLERANCES[k]) for k, v in difference.items()},
        "rate_unit": unit,
        "similarity": None if similarity is None or not math.isfinite(similarity) else round(similarity, 3),
    }
