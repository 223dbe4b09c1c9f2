"""`make bench-verdict`: are edits of one word found, placed, and nothing else accused?

The word-by-word comparison alone, on files of the reported half of people and neural voices (and on formant speech,
apart): its weights and thresholds were fitted on the other half, with `--fit`. What a door answers also needs the
marks to be read, which `make bench-watermark` measures. Needs ffmpeg, sox and espeak-ng, the recordings that
`benchmarks.people` lists, and the Kokoro model.

    python -m benchmarks.verdict [--fit] [--scale 1.0]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from benchmarks import edits, real_sounds, sources, speech, verdict_fit
from benchmarks.edits import Edited, Material
from benchmarks.marking import share_row
from benchmarks.processing import BENIGN, CODINGS, HARSH, RESCALED
from benchmarks.report import Row, merge_report
from benchmarks.verdict_cases import Case, Cases, group_of, released
from watermark.comparison.flags import Comparison, Flag, judge
from watermark.comparison.score import model

WITHIN_S = 0.1
TARGETS = {"clean": 0.98, "mp3_64": 0.98, "opus_24": 0.95, "phone": 0.90}
GROUPS = ("human", "neural", "formant")
Judged = list[tuple[Case, Comparison]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--fit", action="store_true", help="fit the weights anew, on the fitting half, and end"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the files, for a quick look")
    options = parser.parse_args()
    speech.require_programs("bench-verdict", "ffmpeg", "sox", "espeak-ng", "flite")
    if options.fit:
        refit()
        return
    clips = released("report", each_person=5, each_voice=1, formant=4)
    many = {
        group: round(count * options.scale)
        for group, count in (("human", 14), ("neural", 16), ("formant", 6))
    }
    cases = Cases(clips)
    cases.edited(many)
    cases.unedited(round(6 * options.scale) or 1, list(BENIGN))
    cases.unedited(round(2 * options.scale) or 1, list(HARSH))
    judged = judge_all(cases)
    rows = [*edit_rows(judged), *kind_rows(judged), *benign_rows(judged), *further_rows(clips, options.scale)]
    rows += [*sources.rows([clip for clip in clips if group_of(clip.voice) == "human"]), *real_sounds.rows()]
    merge_report("verdict", rows, command="make bench-verdict")


def refit() -> None:
    """`weights.json` from the fitting half alone."""
    cases = Cases(released("fit", each_person=15, each_voice=2))
    cases.edited(8, lengths_s=(0.1, 0.45))
    cases.unedited(10, [*BENIGN, *HARSH])
    fitted = list(cases)
    verdict_fit.write(*verdict_fit.fit(fitted), fitted)


def judge_all(cases: Iterable[Case]) -> Judged:
    return [(case, judge(case.overlay, model())) for case in cases]


# ------------------------------------------------------------------ edits
def near(case: Case, found: Comparison) -> list[Flag]:
    """Flags within a tenth of a second of an edit."""
    start, end = case.spans[0][0], case.spans[-1][1]
    return [f for f in found.flags if f.start_s <= end + WITHIN_S and f.end_s >= start - WITHIN_S]


def is_placed(case: Case, flags: list[Flag]) -> bool:
    """Both ends within a tenth of a second."""
    starts, ends = min(f.start_s for f in flags), max(f.end_s for f in flags)
    return abs(starts - case.spans[0][0]) <= WITHIN_S and abs(ends - case.spans[-1][1]) <= WITHIN_S


def edit_rows(judged: Judged) -> list[Row]:
    """Found and placed, coding by coding, human, neural and formant speech apart."""
    rows = []
    placed_all: list[bool] = []
    for coding in CODINGS:
        here = [(c, f) for c, f in judged if c.kind != "benign" and c.coding == coding]
        for group in (None, *GROUPS):
            some = [(c, f) for c, f in here if (c.group == group if group else c.group != "formant")]
            hits = [(c, flags) for c, f in some if (flags := near(c, f))]
            placed = [is_placed(c, flags) for c, flags in hits]
            name = coding + (f"_{group}" if group else "")
            target = TARGETS[coding] if group in (None, "human", "neural") else None
            note = "" if group else "human and neural speech; a flag within 0.1 s of the edit"
            rows.append(share_row(f"edits_flagged_{name}", len(hits), len(some), target, note))
            rows.append(share_row(f"placed_{name}", sum(placed), len(placed), None, ""))
            placed_all += placed if group is None else []
    note = "of the edits that were flagged: both edges; all codings, human and neural speech"
    rows.append(share_row("placed_within_0_1_s", sum(placed_all), len(placed_all), 0.95, note))
    return rows


def kind_rows(judged: Judged) -> list[Row]:
    """Kind by kind, all codings together, without formant speech."""
    by_kind: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for case, found in judged:
        if case.kind != "benign" and case.group != "formant":
            flags = near(case, found)
            by_kind[case.kind].append((bool(flags), bool(flags) and is_placed(case, flags)))
    rows = []
    for kind, results in by_kind.items():
        flagged, placed = sum(a for a, _ in results), sum(b for _, b in results)
        rows.append(
            share_row(
                f"edits_flagged_{kind}", flagged, len(results), None, f"placed {placed} of {len(results)}"
            )
        )
    return rows


# ------------------------------------------------------------------ innocent files
def benign_rows(judged: Judged) -> list[Row]:
    """Files that nobody edited: flagged ones, and those that could not be compared word by word."""
    by_processing: dict[str, list[Comparison]] = defaultdict(list)
    groups: dict[str, list[bool]] = defaultdict(list)
    for case, found in judged:
        if case.kind == "benign":
            by_processing[case.coding].append(found)
            if case.coding in BENIGN:
                groups[case.group].append(bool(found.flags))
    listed = [name for name in BENIGN if name not in RESCALED]
    flagged = {name: sum(bool(f.flags) for f in by_processing[name]) for name in by_processing}
    total = sum(len(by_processing[name]) for name in listed)
    worst = "; ".join(
        f"{name} {flagged[name]} of {len(by_processing[name])}" for name in listed if flagged[name]
    )
    note = (
        f"files, over {len(listed)} processings ({', '.join(listed)}); flagged: {worst or 'none'}. tempo_1.05 and "
        "pitch_100c are never compared word by word: they have the state of their own"
    )
    rows = [
        share_row("benign_false_flags", sum(flagged[n] for n in listed), total, 0.01, note, better="lower")
    ]
    for group, wrong in groups.items():
        rows.append(
            share_row(f"benign_false_flags_{group}", sum(wrong), len(wrong), None, "", better="lower")
        )
    for name, found in by_processing.items():
        disturbed = sum(f.disturbed for f in found)
        note = f"flagged {flagged[name]} of {len(found)}"
        rows.append(share_row(f"too_disturbed_{name}", disturbed, len(found), None, note, better="lower"))
    return rows


# ------------------------------------------------------------------ further
def further_rows(clips: list, scale: float) -> list[Row]:
    """What has no target: short edits, several edits, harsh codings, an attacker who knows the statistic."""
    few = {"human": 1, "neural": 1}
    clips = clips[:: max(1, round(2 / scale))]
    rows = []

    def measured(name: str, note: str, seed: int, **options: object) -> None:
        cases = Cases(clips, seed=seed)
        cases.edited(few, **options)  # type: ignore[arg-type]
        judged = judge_all(cases)
        hits = [(c, flags) for c, f in judged if (flags := near(c, f))]
        placed = sum(is_placed(c, flags) for c, flags in hits)
        disturbed = sum(f.disturbed for _, f in judged)
        told = f"{note}; placed {placed}, too disturbed to compare {disturbed} of {len(judged)}"
        rows.append(share_row(f"edits_flagged_{name}", len(hits), len(judged), None, told))

    measured("under_0_1_s", "0.05 to 0.1 s, clean", 2, codings=("clean",), lengths_s=(0.05, 0.1))
    for number, coding in enumerate(("gsm_fr", "opus_8", "loudspeaker_room", "mp3_32")):
        measured(coding, "0.15 to 0.45 s", 3 + number, codings=(coding,))
    one: dict[str, edits.Maker] = {"pitched": pitched}
    measured(
        "word_pitched",
        "a word at another pitch and formants, 3 semitones up",
        8,
        kinds=one,
        codings=("clean",),
    )
    measured("shaped", SHAPED_NOTE, 9, kinds={"shaped": shaped}, codings=("clean",))
    rows.append(several_row(clips, scale))
    rows.append(
        Row("edits_flagged_voice_converted", "share", None, note="not measured: no voice conversion here")
    )
    return rows


SHAPED_NOTE = (
    "an attacker gives another person's word the record's own level in every band, 100 times a second"
)


def pitched(m: Material, length_s: float, g: np.random.Generator) -> Edited:
    """One word of ours played 19 % faster and cut to length: three semitones up, formants with it."""
    first, last = edits.place(m.released, length_s, g)
    word = m.released[first:last]
    places = np.arange(len(word)) * 2 ** (3 / 12)
    faster = np.interp(places % len(word), np.arange(len(word)), word).astype(np.float32)
    out = edits.joined([m.released[:first], faster, m.released[last:]])
    return Edited(out, ((first / edits.RATE, last / edits.RATE),), "pitched", length_s)


def shaped(m: Material, length_s: float, g: np.random.Generator) -> Edited:
    """Another person's word whose level in each of the comparison's bands is made the record's."""
    from scipy.signal import istft, stft

    from watermark.comparison.bands import band_edges_hz

    first, last = edits.place(m.released, length_s, g)
    old = m.released[first:last]
    new = edits.word_of(m.other_voice, length_s, old, g)[: len(old)]
    options = {"fs": edits.RATE, "nperseg": 512, "noverlap": 512 - 160}
    frequency_hz, _, want = stft(old, **options)
    _, _, have = stft(new, **options)
    band = np.clip(np.searchsorted(band_edges_hz(), frequency_hz) - 1, 0, len(band_edges_hz()) - 2)
    for number in range(len(band_edges_hz()) - 1):
        rows = band == number
        if rows.any():
            gain = np.sqrt(
                (np.abs(want[rows]) ** 2).sum(axis=0) / ((np.abs(have[rows]) ** 2).sum(axis=0) + 1e-12)
            )
            have[rows] *= np.minimum(gain, 30.0)
    word = istft(have, **options)[1][: len(old)].astype(np.float32)
    out = edits.joined([m.released[:first], word, m.released[first + len(word) :]])
    return Edited(out, ((first / edits.RATE, last / edits.RATE),), "shaped", length_s)


def several_row(clips: list, scale: float) -> Row:
    """Three words muted or replaced in one clip, a fifth of its sound: were all three found?"""
    cases = Cases([c for c in clips if len(c.marked) > 5 * edits.RATE], seed=10)
    count = {"human": 1, "neural": 1}
    cases.edited(count, kinds={"three": three_words}, codings=("clean",))
    results = []
    for case, found in judge_all(cases):
        results.append(
            all(
                any(f.start_s <= b + WITHIN_S and f.end_s >= a - WITHIN_S for f in found.flags)
                for a, b in case.spans
            )
        )
    return share_row(
        "several_edits_all_flagged", sum(results), len(results), None, "three words of 0.2 to 0.4 s, clean"
    )


def three_words(m: Material, length_s: float, g: np.random.Generator) -> Edited:
    out = m.released.copy()
    spans = []
    thirds = len(out) // 3
    for number in range(3):
        part = out[number * thirds : (number + 1) * thirds]
        first, last = edits.place(part, g.uniform(0.2, 0.4), g, margin_s=0.25)
        old = part[first:last]
        word = (
            np.zeros_like(old) if number == 0 else edits.word_of(m.same_voice, len(old) / edits.RATE, old, g)
        )
        part[first : first + len(word)] = word[: len(old)]
        spans.append(((number * thirds + first) / edits.RATE, (number * thirds + last) / edits.RATE))
    return Edited(out, tuple(spans), "three", length_s)


if __name__ == "__main__":
    main()
