"""One sentence as it was spoken, held against its text: what is missing, comes twice, breaks off or goes on.

Text and transcript are compared by their sounds, so that homophones are the same. A recogniser smooths: it leaves out
small words and writes a stutter once. So a gap counts only where the recording is clearly likelier as the text without
its words than as the whole text, and repeats are looked for in the sound (`echoes`). Thresholds stand on few sentences
(docs/spoken.md) and are provisional.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synth.recognition.recogniser import Listening
from synth.spoken import echoes
from synth.spoken.alignment import aligned
from synth.spoken.findings import Fault, Heard, Kind, TimedWord
from synth.spoken.phones import Sounded, primary, sounded, sounds_of
from synth.text.dictionary import NO_WORDS, Dictionary

Samples = npt.NDArray[np.floating]
Listen = Callable[[Samples], Listening]

RATE_HZ = 16_000
#: Sounds that a gap must have lost: a Chinese syllable has two.
_LOST = 2
#: Share of a word's sounds that must be missing for the word to be.
_MOSTLY = 0.5
#: A gap is also tried without up to so many of its words at either end: the alignment may have taken in too many.
_SHORTER = 2
_UNSPACED = frozenset({"zh", "yue", "ja"})
#: By so much (nats) the recording must be likelier without the words of a gap.
_LIKELIER = 3.0
#: Of a long gap, and of one at the end, less is asked: no recogniser leaves so much out.
_LONG, _LIKELIER_LONG = 6, 1.0
#: What was heard in place of the words is more than that: it was chosen because it is likely. Only for real losses.
_LOST_WITHIN, _LIKELIER_AS_HEARD = 3, 5.0
#: An echo of this likeness is the same sound twice.
_ECHO = 0.72
#: Sounds heard after the last of the text.
_ADDED = 4
#: A sentence can be timed by its text up to this length.
_TIMED_S = 30.0


@dataclass(frozen=True)
class Gap:
    """A stretch where text and transcript part: words ``first`` to ``last`` of the text, sounds of the text and of the
    transcript in it, and whether it reaches the end of the text. ``touched`` and ``instead`` (first, end) are all words
    of the text and of the transcript that have a sound in it."""

    first: int
    last: int
    expected: int
    heard: int
    at_end: bool
    touched: tuple[int, int] = (0, 0)
    instead: tuple[int, int] = (0, 0)

    @property
    def lost(self) -> int:
        return self.expected - self.heard


def examined(
    samples: Samples, text: str, language: str, listen: Listen, dictionary: Dictionary = NO_WORDS
) -> Heard:
    """What is heard in mono ``samples`` at RATE_HZ of a sentence; ``language`` is one that the recogniser knows."""
    main = primary(language)
    words = sounded(text, main, dictionary)
    if not words or not len(samples):
        return Heard(0, 0.0)
    listening = listen(samples)
    transcript = listening.transcribe(main)
    said = sounded(transcript.text, main)
    gaps, rate = compared(words, said)
    times = _times(listening, text, main)
    unsaid = _unsaid([gap for gap in gaps if gap.lost >= _LOST], words, said, listening, main)
    faults = [_swallowed(gap, words, times, listening.duration_s, main) for gap in unsaid]
    echo = stutter(samples, words)
    if echo is not None:
        twice = [word.text for word in times if word.start_s < echo.end_s and word.end_s > echo.start_s]
        faults.append(Fault("repeated", _joint(main).join(twice), echo.start_s, echo.end_s))
    after = gaps[-1] if gaps and gaps[-1].at_end and -gaps[-1].lost >= _ADDED else None
    if after is not None:
        start_s = times[-1].end_s if times else 0.0
        extra = _joint(main).join(word.text for word in said[slice(*after.instead)])
        faults.append(Fault("babble", extra, start_s, round(listening.duration_s, 3)))
    return Heard(sum(len(word.sounds) for word in words), round(rate, 4), tuple(faults), times)


def compared(words: Sequence[Sounded], said: Sequence[Sounded]) -> tuple[list[Gap], float]:
    """Where the sounds of text and transcript part, and the share of the text's sounds that were not heard as such.
    Single sounds that agree by chance inside a gap belong to it."""
    expected, owners = sounds_of(words)
    heard, owners_heard = sounds_of(said)
    pairs = aligned(expected, heard)
    same = [i is not None and j is not None and expected[i] == heard[j] for i, j in pairs]
    counts = np.bincount(np.array(owners, dtype=np.int64), minlength=len(words))
    wrong_in = np.zeros(len(words))
    for (i, _), is_same in zip(pairs, same, strict=True):
        if i is not None and not is_same:
            wrong_in[owners[i]] += 1
    missed = (wrong_in / np.maximum(counts, 1)).tolist()
    gaps: list[Gap] = []
    start: int | None = None
    for n in range(len(pairs) + 1):
        in_gap = n < len(pairs) and (
            not same[n] or (start is not None and n + 1 < len(pairs) and not same[n + 1])
        )
        if in_gap and start is None:
            start = n
        elif not in_gap and start is not None:
            gap = _gap(pairs[start:n], owners, missed, n == len(pairs))
            inside = [owners_heard[j] for _, j in pairs[start:n] if j is not None]
            gaps.append(replace(gap, instead=(inside[0], inside[-1] + 1) if inside else (0, 0)))
            start = None
    wrong = len(expected) - sum(same)
    return gaps, wrong / max(1, len(expected))


def _gap(
    pairs: Sequence[tuple[int | None, int | None]],
    owners: Sequence[int],
    missed: Sequence[float],
    at_end: bool,
) -> Gap:
    """The gap of ``pairs``. Words at its edges that were mostly heard do not belong to it."""
    inside = [i for i, _ in pairs if i is not None]
    heard = sum(j is not None for _, j in pairs)
    if not inside:
        return Gap(0, 0, 0, heard, at_end)
    first, last = owners[inside[0]], owners[inside[-1]]
    while first < last and missed[first] < _MOSTLY:
        first += 1
    while first < last and missed[last] < _MOSTLY:
        last -= 1
    touched = owners[inside[0]], owners[inside[-1]] + 1
    return Gap(first, last, len(inside), heard, at_end, touched)


def stutter(samples: Samples, words: Sequence[Sounded]) -> echoes.Echo | None:
    """A stretch that comes twice in a row, where the text does not say it twice."""
    echo = echoes.strongest(samples)
    return echo if echo is not None and echo.likeness >= _ECHO and not repeats_itself(words) else None


def _unsaid(
    gaps: Sequence[Gap],
    words: Sequence[Sounded],
    said: Sequence[Sounded],
    listening: Listening,
    language: str,
) -> list[Gap]:
    """Those of ``gaps`` whose words the recording is likelier without, or some of them in a row (narrowed down to
    these), or with what was heard in their place. All texts are written alike, so that only the words in question
    tell them apart."""
    if not gaps or listening.duration_s > _TIMED_S:
        return list(gaps)
    tried: list[tuple[Gap, int, int, Sequence[Sounded]]]
    tried = [(gap, first, last, ()) for gap in gaps for first, last in _runs(gap.first, gap.last)]
    tried += [
        (gap, gap.touched[0], gap.touched[1] - 1, said[slice(*gap.instead)])
        for gap in gaps
        if gap.lost >= _LOST_WITHIN and gap.heard
    ]
    texts = [[*words[:first], *instead, *words[last + 1 :]] for _, first, last, instead in tried]
    whole, *scores = listening.score(
        [_joint(language).join(word.text for word in text) or "." for text in [words, *texts]], language
    )
    found: dict[int, tuple[float, int, Gap]] = {}
    for (gap, first, last, instead), score in zip(tried, scores, strict=True):
        beyond = score.total - whole.total - _enough(gap, as_heard=bool(instead))
        at = gaps.index(gap)
        # Of runs that are as likely the shortest.
        if beyond >= 0 and (beyond, first - last) > found.get(at, (-1.0, 0, gap))[:2]:
            found[at] = (beyond, first - last, replace(gap, first=first, last=last))
    return [gap for *_, gap in found.values()]


def _enough(gap: Gap, *, as_heard: bool) -> float:
    if as_heard:
        return _LIKELIER_AS_HEARD
    return _LIKELIER_LONG if gap.lost >= _LONG or gap.at_end else _LIKELIER


def _runs(first: int, last: int) -> list[tuple[int, int]]:
    """The whole run, and the shorter ones at either end of it."""
    shorter = range(1, min(_SHORTER, last - first) + 1)
    ends = [run for n in shorter for run in ((first + n, last), (first, last - n))]
    return [(first, last), *ends]


def _joint(language: str) -> str:
    """What stands between words."""
    return "" if language in _UNSPACED else " "


def _swallowed(
    gap: Gap, words: Sequence[Sounded], times: Sequence[TimedWord], duration_s: float, language: str
) -> Fault:
    kind: Kind = "cut_off" if gap.at_end else "swallowed"
    named = _joint(language).join(word.text for word in words[gap.first : gap.last + 1])
    start_s, end_s = _span(gap.first, gap.last, len(words), times, duration_s)
    return Fault(kind, named, start_s, end_s)


def _span(
    first: int, last: int, count: int, times: Sequence[TimedWord], duration_s: float
) -> tuple[float, float]:
    """About where words ``first`` to ``last`` of ``count`` would be; the recogniser may part words otherwise."""
    if not times:
        return round(duration_s * first / count, 3), round(duration_s * (last + 1) / count, 3)
    low = times[min(len(times) - 1, first * len(times) // count)]
    high = times[min(len(times) - 1, last * len(times) // count)]
    return low.start_s, max(low.start_s, high.end_s)


def _times(listening: Listening, text: str, language: str) -> tuple[TimedWord, ...]:
    """When the words of the text begin and end; none where the sentence is too long to be timed."""
    if listening.duration_s > _TIMED_S:
        return ()
    return tuple(TimedWord(word.text, word.start_s, word.end_s) for word in listening.words(text, language))


def repeats_itself(words: Sequence[Sounded]) -> bool:
    """Whether three or more sounds of the text come twice in a row by themselves."""
    sounds, _ = sounds_of(words)
    return any(
        sounds[at : at + size] == sounds[at + size : at + 2 * size]
        for size in range(3, len(sounds) // 2 + 1)
        for at in range(len(sounds) - 2 * size + 1)
    )
