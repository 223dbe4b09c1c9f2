"""Texts beside what was heard of them, sound that comes twice, and words in their places. No models."""

from __future__ import annotations

import numpy as np

from synth.gptsovits.guarding import Suspicion, suspicion
from synth.spoken import echoes
from synth.spoken.check import compared, repeats_itself
from synth.spoken.findings import TimedWord
from synth.spoken.phones import sounded
from synth.spoken.placing import placed
from synth.spoken.subtitles import lines, srt, vtt
from tests import takes

TEXT = "The harbor lights were still burning when we came home."


def gaps(text: str, heard: str, language: str = "en") -> list[tuple[str, int, bool]]:
    words = sounded(text, language)
    found, _ = compared(words, sounded(heard, language))
    return [(" ".join(w.text for w in words[g.first : g.last + 1]), g.lost, g.at_end) for g in found]


def test_what_sounds_alike_is_the_same():
    assert gaps("Doctor Chen came at 4:20.", "Dr. Chen came at four twenty") == []
    assert gaps("他买了两本书，再见。", "她买了两本书在见", "zh") == []
    assert compared(sounded("", "en"), sounded("noise", "en"))[1] == 0


def test_gaps_are_found_where_they_are():
    ((words, lost, is_last),) = gaps(TEXT, "The harbor lights were burning when we came home.")
    assert "still" in words.split() and (lost, is_last) == (4, False)
    (at_end,) = gaps(TEXT, "The harbor lights were still burning when")
    assert at_end == ("we came home", 8, True)
    assert gaps(TEXT, TEXT + " Thank you for watching.")[-1][1:] == (-14, True)
    (half,) = gaps("请把这份文件复印五份，然后发给大家。", "请把这份文件发给大家", "zh")
    assert "复 印 五 份" in half[0] and half[1] >= 8


def test_a_stutter_is_found_in_the_sound_and_a_held_tone_is_none():
    clip = takes.style_clip("rms", "neutral").samples
    clean = echoes.strongest(clip)
    a, b = 24_000, 30_400
    stutter = echoes.strongest(np.concatenate([clip[:b], clip[a:]]))
    assert stutter is not None and clean is not None
    assert stutter.likeness > 0.75 > 0.6 > clean.likeness
    assert abs(stutter.start_s - a / 16_000) < 0.1 and abs(stutter.end_s - b / 16_000) < 0.1
    tone = echoes.strongest(
        np.sin(np.arange(32_000) * 0.3) + 0.01 * np.random.default_rng(1).normal(size=32_000)
    )
    assert tone is None or tone.likeness < 0.6
    assert repeats_itself(sounded("It was very very good.", "en")) and not repeats_itself(sounded(TEXT, "en"))


def test_words_as_written_get_the_times_of_what_was_said_for_them():
    text = "It costs $12.50, said Dr. Chen. Then he left."
    spoken = ["It", "costs", "twelve", "dollars", "fifty", "said", "Doctor", "Chen", "Then", "he", "left"]
    found = placed(text, [TimedWord(word, n, n + 0.8) for n, word in enumerate(spoken)])
    times = {text[one.start : one.end]: (one.start_s, one.end_s) for one in found}
    assert times["12.50"] == (2, 4.8) and times["Dr"] == (6, 6.8) and times["left"] == (10, 10.8)
    shown = lines(text, found)
    assert [line.text for line in shown] == ["It costs $12.50, said", "Dr. Chen. Then he left."]
    assert srt(shown).startswith("1\n00:00:00,000 --> 00:00:05,800\nIt costs $12.50, said\n\n2\n")
    assert "00:00:06.000 --> 00:00:10.800\nDr. Chen." in vtt(shown)
    chinese = placed("我在2026年去", [TimedWord(c, n, n + 1) for n, c in enumerate("我在二零二六年去")])
    assert [(one.start_s, one.end_s) for one in chinese] == [(0, 1), (1, 2), (2, 6), (6, 7), (7, 8)]
    assert placed("nothing was said", []) == []


def test_tokens_that_go_round_or_end_too_soon_are_told():
    speech = np.random.default_rng(3).integers(0, 1024, 120).tolist()
    assert suspicion(speech, 60, at_limit=False) == Suspicion.NONE
    assert suspicion(speech, 60, at_limit=True) == Suspicion.ENDLESS
    assert suspicion(speech[:100], 400, at_limit=False) == Suspicion.SHORT
    assert suspicion([7] * 70 + speech[:50], 60, at_limit=False) == Suspicion.ONE_TOKEN
    assert suspicion(speech[:40] + speech[:9] * 7, 60, at_limit=False) == Suspicion.LOOP
    assert suspicion([7] * 40 + speech, 60, at_limit=False) == Suspicion.NONE, "a pause is no loop"
