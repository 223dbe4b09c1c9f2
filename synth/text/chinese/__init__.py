"""Chinese: written text as words, words as an initial and a final for each character."""

from __future__ import annotations

from synth.text.chinese.codes import with_codes
from synth.text.chinese.segmenter import borders
from synth.text.chinese.spoken import phones, tokens
from synth.text.chinese.written import normalize, tidied, verbalized

__all__ = ["borders", "normalize", "phones", "tidied", "tokens", "verbalized", "with_codes"]
