"""Attacks on the keyed mark itself, by somebody who knows the method and not the key: moving the mark to
other audio, other keys, erasing, and climbing by the endpoint's answers. Averaging is in `averaging`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.attacks import RATE, Material, Unavailable, apply, load_attacks
from benchmarks.marking import EPOCHS, KEYS, Marked, epoch_of, issued, share_interval
from benchmarks.report import Row
from watermark.codec import MarkKeys, detect, fingerprint, fingerprint_alignment, read_back
from watermark.codec.content import FREE, content_weights
from watermark.codec.features import box_mean, istft, row_power, stft, tile_power
from watermark.codec.parameters import BINS_PER_TILE, FIRST_BIN, FRAMES_PER_TILE, TILE_ROWS
from watermark.codec.records import IssuedRecords

AGREES = 0.5  # share of active frames above which content binding would call some of the audio ours
WHOLE = 0.95  # above which, all of it: only then a verdict is "issued"
LOUDER = (2.0, 4.0)  # a copied residual, times this
Transplant = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Erasure = Callable[..., np.ndarray]


def own_attack_rows(clips: list[Marked], mixed: Material, tries: int = 200) -> list[Row]:
    """All attacks of this module; transplants `tries` times."""
    return [
        *transplant_rows(clips, tries),
        *louder_rows(clips, tries // 2),
        *wrong_key_rows(clips),
        *erasing_rows(clips[:8], mixed),
        *climbing_rows(clips[:4]),
    ]


# ------------------------------------------------------------------ moving a mark to other audio
def transplant_residual(original: np.ndarray, marked: np.ndarray, host: np.ndarray) -> np.ndarray:
    """The difference that marking made, added to another recording."""
    count = min(len(host), len(marked))
    return host[:count] + (marked - original)[:count]


def transplant_louder(
    original: np.ndarray, marked: np.ndarray, host: np.ndarray, gain: float = 4.0
) -> np.ndarray:
    """The difference that marking made, several times as loud: it carries the outline of the source's speech."""
    count = min(len(host), len(marked))
    return host[:count] + np.float32(gain) * (marked - original)[:count]


def transplant_gains(
    original: np.ndarray, marked: np.ndarray, host: np.ndarray, exponent: float = 1.0
) -> np.ndarray:
    """The gain of marking in each bin and frame, raised to a power, applied to another recording."""
    count = min(len(host), len(marked))
    before, after = np.abs(stft(original[:count])), np.abs(stft(marked[:count]))
    gains = np.clip(((after + 1e-4) / (before + 1e-4)) ** exponent, 0.5**exponent, 2.0**exponent)
    return istft((stft(host[:count]) * gains).astype(np.complex64), count)


def transplant_stronger(original: np.ndarray, marked: np.ndarray, host: np.ndarray) -> np.ndarray:
    """The same gains two and a half times as strong: the forger need not care for quality."""
    return transplant_gains(original, marked, host, 2.5)


def transplant_signed_anew(original: np.ndarray, marked: np.ndarray, host: np.ndarray) -> np.ndarray:
    """Gains whose bound rows are signed anew for the host, by somebody who guesses the delays of the key."""
    count = min(len(host), len(marked))
    delays = np.random.default_rng(len(host)).integers(0, 13, TILE_ROWS)
    delays[np.arange(TILE_ROWS) % 3 != 1] = FREE

    def tiles(samples: np.ndarray) -> np.ndarray:
        return tile_power(row_power(stft(samples[:count] / np.sqrt(np.mean(samples**2) + 1e-12) / 10)))

    gain_db = 5 * np.log10((tiles(marked) + 1e-9) / (tiles(original) + 1e-9))
    turned = np.sign(content_weights(tiles(original), delays) * content_weights(tiles(host), delays))
    wanted = np.clip(1.5 * gain_db * turned, -6, 6)
    spectrum = stft(host[:count])
    per_bin = np.repeat(np.repeat(wanted, FRAMES_PER_TILE, axis=0), BINS_PER_TILE, axis=1)[: len(spectrum)]
    spectrum[: len(per_bin), FIRST_BIN : FIRST_BIN + per_bin.shape[1]] *= 10 ** (per_bin / 20)
    return istft(spectrum, count)


def transplant_rows(clips: list[Marked], tries: int = 200) -> list[Row]:
    """Both plain copies `tries` times in all, as asked; then what a cleverer forger gets."""
    plain = {"residual": transplant_residual, "gain field": transplant_gains}
    clever = {"stronger gain field": transplant_stronger, "signed anew": transplant_signed_anew}
    tallies = {name: _tally(clips, how, tries // 2) for name, how in plain.items()}
    more = {name: _tally(clips, how, tries // 4) for name, how in clever.items()}
    count = 2 * (tries // 2)

    def told(counts: dict[str, _Tally], each: int) -> str:
        return "; ".join(
            f"{name} {t.words} of {each} ({t.bound} with content-signed rows agreeing, {t.present} present)"
            for name, t in counts.items()
        )

    every = [*tallies.values(), *more.values()]
    return [
        Row("transplant_valid_word", "share", sum(t.words for t in tallies.values()) / count, None, count,
            None, "lower", note=f"original known; {told(tallies, tries // 2)}"),
        Row("transplant_clever_valid_word", "share", sum(t.words for t in more.values()) / max(1, 2 * (tries // 4)),
            None, 2 * (tries // 4), None, "lower", note=f"original known; {told(more, tries // 4)}"),
        Row("transplant_bound_word", "share", sum(t.bound for t in every) / (count + 2 * (tries // 4)), None,
            count + 2 * (tries // 4), None, "lower", note="words whose content-signed rows agree, all four kinds"),
        Row("transplant_issued", "1", sum(t.issued for t in every), None, count + 2 * (tries // 4), 0, "lower",
            note="transplants in which the record is named and at least 95 % of the sound agrees with its fingerprint;"
            f" more than half of it agrees in {sum(t.half for t in every)}"),
    ]  # fmt: skip


def louder_rows(clips: list[Marked], tries: int = 100) -> list[Row]:
    """Residual copies two and four times as loud, half of the tries each: the word is nearly always read, so what is
    left to stand against them is the content."""
    ways = {f"x{gain:.0f}": partial(transplant_louder, gain=gain) for gain in LOUDER}
    each = tries // len(ways)
    tallies = {name: _tally(clips, how, each) for name, how in ways.items()}
    every, count = list(tallies.values()), each * len(ways)

    def told(what: Callable[[_Tally], int]) -> str:
        return "; ".join(f"{name} {what(tally)} of {each}" for name, tally in tallies.items())

    words, bound = sum(t.words for t in every), sum(t.bound for t in every)
    unclear, ours = sum(t.half for t in every), sum(t.ours for t in every)
    return [
        Row("transplant_louder_valid_word", "share", words / count, None, count, None, "lower",
            note=f"residual added two and four times as loud, original known; {told(lambda t: t.words)}"),
        Row("transplant_louder_bound_word", "share", bound / count, None, count, None, "lower",
            note=f"of these, with content-signed rows agreeing: {told(lambda t: t.bound)}"),
        Row("transplant_louder_outline", "share", unclear / count, None, count, None, "lower",
            note="named, and more than half of the sound agrees with the record at a bit error rate below"
            f" {fingerprint_alignment.MATCHED_BER}, no better than an outline: {told(lambda t: t.half)}"),
        Row("transplant_louder_issued", "1", ours, f"95 % interval up to {share_interval(ours, count)[1]:.4f}", count,
            0, "lower", note="named, and half of it agrees beyond doubt (below"
            f" {fingerprint_alignment.CLEAR_BER}), which is what a verdict asks for: {told(lambda t: t.ours)}"),
    ]  # fmt: skip


class _Tally:
    """Of some tries: `words` name the source's record, `bound` ones agree in the content-signed rows, `half` agree in
    outline over half of the sound, `ours` beyond doubt."""

    def __init__(self) -> None:
        self.words = self.bound = self.present = self.half = self.issued = self.ours = 0


def _tally(clips: list[Marked], transplant: Transplant, tries: int) -> _Tally:
    tally = _Tally()
    for index in range(tries):
        source = clips[index % len(clips)]
        host = clips[(index * 7 + 1 + index // len(clips)) % len(clips)]
        if host is source:
            host = clips[(index + 1) % len(clips)]
        forged = transplant(source.original, source.marked, host.original)
        found = detect(forged, RATE, keys=KEYS, epochs=EPOCHS)
        records = [one for one in found.records if one.record_number == source.record_number]
        tally.words += bool(records)
        tally.bound += any(one.bound for one in records)
        tally.present += found.present
        match = fingerprint.compare(fingerprint.compute(source.marked, RATE), forged, RATE)
        tally.half += bool(records) and match.share > AGREES
        tally.issued += bool(records) and match.share >= WHOLE
        clear_s = sum(i.end_s - i.start_s for i in match.intervals if i.ok and i.clear)
        tally.ours += clear_s > AGREES * sum(one.end_s - one.start_s for one in records) > 0
    return tally


# ------------------------------------------------------------------ other keys
def wrong_key_rows(clips: list[Marked]) -> list[Row]:
    """Marked clips asked with another master key, another epoch, and for another record."""
    other = MarkKeys(bytes(range(32)))
    found = 0
    for clip in clips:
        found += detect(clip.marked, RATE, keys=other, epochs=EPOCHS, known=issued).present
        found += detect(
            clip.marked, RATE, keys=KEYS, epochs=["bench-3"], known=lambda _: range(2_000)
        ).present
        epoch = epoch_of(clip.record_number)
        found += read_back(clip.marked, RATE, record_number=clip.record_number + 2, keys=KEYS, epoch=epoch).ok
    return [
        Row("wrong_key_found", "1", found, f"95 % interval up to {share_interval(found, 3 * len(clips))[1]:.4f}",
            3 * len(clips), 0, "lower", note="another master key, another epoch, another record number"),
    ]  # fmt: skip


# ------------------------------------------------------------------ erasing
def random_gains(samples: np.ndarray, largest_db: float, seed: int) -> np.ndarray:
    """Tiles made louder or quieter at random, on the mark's own grid."""
    generator = np.random.default_rng(seed)
    spectrum = stft(samples)
    tiles = generator.choice([-largest_db, largest_db], size=(-(-len(spectrum) // 2), 257 // 3 + 1))
    gains = 10 ** (np.repeat(np.repeat(tiles, 2, axis=0), 3, axis=1)[: len(spectrum), :257] / 20)
    return istft((spectrum * gains).astype(np.complex64), len(samples))


def flatten(samples: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """Each tile moved towards the level of its neighbourhood by a share of its distance, which is where the
    mark lives.
    """
    spectrum = stft(samples)
    power = tile_power(row_power(spectrum))
    level = 10 * np.log10(power + 1e-9)
    toward = np.clip(share * (box_mean(level) - level), -20, 20)
    per_bin = np.repeat(np.repeat(toward, FRAMES_PER_TILE, axis=0), BINS_PER_TILE, axis=1)
    spectrum[: len(per_bin), FIRST_BIN : FIRST_BIN + per_bin.shape[1]] *= 10 ** (per_bin / 20)
    return istft(spectrum, len(samples))


def erasing_rows(clips: list[Marked], mixed: Material) -> list[Row]:
    """The best quality at which each way of erasing leaves no record to name (registry known)."""
    listed = {attack.name: attack for attack in load_attacks()}

    def coded(name: str, then_db: float = 0.0) -> Erasure:
        def erase(samples: np.ndarray, *, seed: int) -> np.ndarray:
            out = apply(listed[name], samples, mixed, seed)
            return random_gains(out, then_db, seed) if then_db else out

        return erase

    gains, shares = (6.0, 9.0, 12.0, 16.0, 22.0), (0.5, 0.8, 1.1, 1.4, 1.7)
    ways: dict[str, list[Erasure]] = {
        "random gains": [partial(random_gains, largest_db=gain) for gain in gains],
        "flattening": [partial(flatten, share=share) for share in shares],
        "white noise": [partial(with_noise, snr_db=snr) for snr in (15.0, 10.0, 7.0, 4.0, 0.0)],
        "coding": [coded(name) for name in ("opus_8", "gsm_fr", "codec2_3200")],
        "codec, then gains": [coded("opus_16", 6.0), coded("mp3_32", 9.0)],
    }
    best: dict[str, list[float]] = {name: [] for name in ways}
    for index, clip in enumerate(clips):
        for name, steps in ways.items():
            scores = []
            for step in steps:
                try:
                    erased = step(clip.marked, seed=index)
                except Unavailable:
                    continue
                if not _named(erased, clip):
                    scores.append(quality_of(clip.original, erased))
                    if name != "coding":
                        break  # stronger only sounds worse
            best[name].append(max(scores, default=float("nan")))
    reached = [score for scores in best.values() for score in scores if np.isfinite(score)]
    told = "; ".join(
        f"{name} {np.nanmax(scores):.2f}" if np.isfinite(scores).any() else f"{name} never"
        for name, scores in best.items()
    )
    return [
        Row("erasing_best_pesq", "PESQ", max(reached, default=None), None, len(clips), 3.5, "lower",
            note="best quality (against the unmarked original) at which a whole clip's record was no longer named,"
            f" over all clips and ways: {told}"),
    ]  # fmt: skip


def with_noise(samples: np.ndarray, snr_db: float, seed: int) -> np.ndarray:
    """White noise at a ratio to the clip's own power."""
    noise = np.random.default_rng([seed, 4]).normal(size=len(samples)).astype(np.float32)
    return samples + noise * np.sqrt(np.mean(samples**2)) * np.float32(10 ** (-snr_db / 20))


def _named(samples: np.ndarray, clip: Marked) -> bool:
    found = detect(samples, RATE, keys=KEYS, epochs=EPOCHS, known=issued)
    return any(one.record_number == clip.record_number for one in found.records)


def quality_of(original: np.ndarray, changed: np.ndarray) -> float:
    """Wide-band PESQ at 16 kHz, by the package `pesq`."""
    from pesq import pesq  # here, so that the attacks can be tried without it

    return float(pesq(RATE, original, np.clip(changed, -1, 1).astype(np.float32), "wb"))


# ------------------------------------------------------------------ climbing by the endpoint's answers
ANSWERS = ("no_watermark", "unverified_mark", "transplanted", "issued")


def public_answer(samples: np.ndarray, clip: Marked, stored: bytes, known: IssuedRecords = issued) -> str:
    """What an unauthenticated caller learns about a file: the verdict alone. `stored` is the record's fingerprint."""
    found = detect(samples, RATE, keys=KEYS, epochs=EPOCHS, known=known)
    if any(one.record_number == clip.record_number for one in found.records):
        share = fingerprint.compare(stored, samples, RATE).share
        return "issued" if share > AGREES else "transplanted"
    return "unverified_mark" if found.present or found.records else "no_watermark"


def climb_to_erase(clip: Marked, queries: int, seed: int, known: IssuedRecords = issued) -> np.ndarray:
    """The best version of a marked clip that is answered "no_watermark", after so many queries.

    From a version that is surely erased, walk back towards the marked clip: first as far as a blend goes, then
    by restoring random patches of tiles, and keep each step after which the answer is still the same.
    """
    generator = np.random.default_rng([seed, 8])
    stored = fingerprint.compute(clip.marked, RATE)
    erased = random_gains(with_noise(clip.marked, 0.0, seed), 16.0, seed)[: len(clip.marked)]
    low, high, asked = 0.0, 1.0, 0
    while asked < 8:
        middle = (low + high) / 2
        blend = (1 - middle) * erased + middle * clip.marked
        asked += 1
        if public_answer(blend, clip, stored, known) == "no_watermark":
            low = middle
        else:
            high = middle
    current = (1 - low) * erased + low * clip.marked
    target = stft(clip.marked)
    while asked < queries:
        spectrum = stft(current)
        first, row = generator.integers(len(spectrum)), generator.integers(200)
        patch = np.s_[
            first : first + int(generator.integers(20, 120)), row : row + int(generator.integers(10, 60))
        ]
        spectrum[patch] += 0.7 * (target[patch] - spectrum[patch])
        step = istft(spectrum, len(current))
        asked += 1
        if public_answer(step, clip, stored, known) == "no_watermark":
            current = step
    return current


def climb_to_issued(
    source: Marked, host: np.ndarray, queries: int, seed: int, known: IssuedRecords = issued
) -> str:
    """Best answer that a transplant reaches by random changes, each kept unless the answer gets worse."""
    generator = np.random.default_rng([seed, 9])
    stored = fingerprint.compute(source.marked, RATE)
    current = transplant_stronger(source.original, source.marked, host)
    answer = public_answer(current, source, stored, known)
    for _ in range(queries):
        step = random_gains(current, float(generator.uniform(0.3, 3.0)), int(generator.integers(1 << 30)))
        reached = public_answer(step, source, stored, known)
        if ANSWERS.index(reached) >= ANSWERS.index(answer):
            current, answer = step, reached
    return answer


def climbing_rows(clips: list[Marked], queries: int = 120) -> list[Row]:
    """Erasing and forging with nothing but verdicts for guidance."""
    qualities = [
        quality_of(clip.original, climb_to_erase(clip, queries, index)) for index, clip in enumerate(clips)
    ]
    ends = [
        climb_to_issued(clip, clips[(index + 1) % len(clips)].original, queries // 2, index)
        for index, clip in enumerate(clips)
    ]
    return [
        Row("climbing_erased_pesq", "PESQ", max(qualities), f"min {min(qualities):.2f}", len(clips), 3.5, "lower",
            note=f"best version answered no_watermark after {queries} public answers (the verdict alone) a clip"),
        Row("climbing_issued", "1", sum(end == "issued" for end in ends), None, len(clips), 0, "lower",
            note=f"transplants that {queries // 2} public answers each led to issued; they ended as"
            f" {', '.join(sorted(set(ends)))}"),
    ]  # fmt: skip
