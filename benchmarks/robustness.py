"""The attack list on marked clips: is the mark found, is its record named, is another one named?

Every piece is asked like the public endpoint asks: plainly, then matched with the issued records, then with
the deep search over tempo and pitch. A row per attack; an attack is survived when the record is named in 95
% of the clips. What is lost at 3 s is asked again at 8 and 16 s.

A clip's answers are kept in var/bench as soon as it is done, so a run that was cut off goes on where it was.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from benchmarks import speech
from benchmarks.attacks import RATE, Attack, Material, Unavailable, apply, crop, load_attacks
from benchmarks.marking import EPOCHS, ISSUED, KEYS, Marked, epoch_of, issued, mark_clips, share_interval
from benchmarks.report import BENCHMARKS_DIR, ROOT, Row, merge_report
from watermark.codec import DETECTOR_VERSION, TARGET_QUALITY, detect, read_back

SURVIVED = 0.95
PESQ_CLIPS = 8  # the first so many clips; the program is slow
KEPT = ROOT / "var" / "bench" / "attacks.jsonl"
LONGER_S = (8, 16)
HARD = (
    "opus_8",
    "gsm_fr",
    "codec2_3200",
    "white_10db",
    "lowpass_2000",
    "reverb_0.6s",
    "over_the_air",
    "phone_300_3400+gsm_fr",
    "opus_16+white_20db",
    "over_the_air+aac_32",
)


@dataclass(frozen=True)
class Outcome:
    """One clip after one attack. decoded: named by the code alone. bound: its content agrees with the mark.
    wrong: another record was named. pesq: of the attacked clip against the marked one.
    """

    named: bool
    decoded: bool
    bound: bool
    wrong: bool
    present: bool
    read_back: bool
    pesq: float | None = None


Outcomes = dict[str, dict[str, Outcome]]
"""By attack, then by clip."""


def attack_rows(
    clips: list[Marked], mixed: Material, *, processes: int = 1, minutes: float | None = None
) -> tuple[list[Row], list[Row], dict[str, list[str]]]:
    """Summary rows, one row per attack, and the clips missed by attack. With `minutes`, no new clip is begun
    after that time.
    """
    attacks = load_attacks()
    outcomes, unavailable = _outcomes(clips, mixed, processes, minutes)
    table = [_row(attack, outcomes[attack.name], unavailable.get(attack.name)) for attack in attacks]
    single = [row for attack, row in zip(attacks, table, strict=True) if attack.family != "chain"]
    survived = [row.metric for row in single if row.value is not None and row.value >= SURVIVED]
    lost = [f"{row.metric} {row.value or 0:.2f}" for row in single if row.metric not in survived]
    wrong = sum(o.wrong for named in outcomes.values() for o in named.values())
    tried = sum(len(named) for named in outcomes.values())
    done = max((len(named) for named in outcomes.values()), default=0)
    summary = [
        Row(
            "attacks_survived",
            "share",
            len(survived) / len(single),
            None,
            len(single),
            0.90,
            note=f"record named in at least 95 % of {done} clips, among {ISSUED:,} issued records;"
            f" not survived: {', '.join(lost) or 'none'}",
        ),
        Row("wrong_records", "1", wrong, None, tried, 0, "lower", note="another record named, all attacks"),
        Row(
            "named_words_bound",
            "share",
            sum(o.bound for named in outcomes.values() for o in named.values())
            / max(1, sum(o.named for named in outcomes.values() for o in named.values())),
            None,
            tried,
            note="of the records named, those whose content-signed rows agree",
        ),
    ]
    missed = {
        name: [clip for clip, outcome in named.items() if not outcome.named]
        for name, named in outcomes.items()
        if not all(outcome.named for outcome in named.values())
    }
    return summary + _by_family(attacks, table), table, missed


def merge_attacks(rows: list[Row], missed: dict[str, list[str]] | None = None) -> None:
    """Merge rows into watermark-attacks.json and put every miss beside them, which is too long for the page."""
    path = BENCHMARKS_DIR / "watermark-attacks.json"
    before = json.loads(path.read_text(encoding="utf-8")).get("missed", {}) if path.exists() else {}
    merge_report("watermark-attacks", rows, command="python -m benchmarks.watermark --attacks --longer 16")
    body = json.loads(path.read_text(encoding="utf-8"))
    body["missed"] = before if missed is None else missed
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def attacked_piece(
    attack: Attack, clip: Marked, mixed: Material, seed: int, seconds: float = 3.0
) -> np.ndarray:
    """The attacked clip, cut to 3 s with 2 s of speech unless the attack cuts by itself."""
    return _cut(attack, apply(attack, clip.marked, mixed, seed), seconds)


def _cut(attack: Attack, attacked: np.ndarray, seconds: float) -> np.ndarray:
    return attacked if attack.crops else crop(attacked, seconds, seconds * 2 / 3)


def ask(piece: np.ndarray, clip: Marked, *, deep: bool = True, pesq: float | None = None) -> Outcome:
    """What detection and read-back say of a piece of a marked clip."""
    found = detect(piece, RATE, keys=KEYS, epochs=EPOCHS, deep=deep, known=issued)
    right = [one for one in found.records if one.record_number == clip.record_number]
    epoch = epoch_of(clip.record_number)
    return Outcome(
        named=bool(right),
        decoded=any(one.decoded for one in right),
        bound=any(one.bound for one in right),
        wrong=len(right) < len(found.records),
        present=found.present,
        read_back=read_back(piece, RATE, record_number=clip.record_number, keys=KEYS, epoch=epoch).ok,
        pesq=pesq,
    )


# ------------------------------------------------------------------ running the list, in parts
def _outcomes(
    clips: list[Marked], mixed: Material, processes: int, minutes: float | None
) -> tuple[Outcomes, dict[str, str]]:
    outcomes: Outcomes = defaultdict(dict)
    unavailable: dict[str, str] = {}
    end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
    kept = _kept()
    waiting = [(index, clip) for index, clip in enumerate(clips) if clip.name not in kept]
    with ProcessPoolExecutor(processes, initializer=_one_thread) as pool:
        for start in range(0, len(waiting), processes):
            if time.monotonic() > end:
                break
            jobs = [(clip, index, mixed) for index, clip in waiting[start : start + processes]]
            for (clip, _, _), results in zip(jobs, pool.map(_all_attacks, jobs), strict=True):
                _keep(clip.name, results)
                kept[clip.name] = results
                lost = [name for name, r in results.items() if isinstance(r, Outcome) and not r.named]
                print(f"{clip.name}: not named after {', '.join(lost) or 'none'}", flush=True)
    for clip in clips:
        for name, result in kept.get(clip.name, {}).items():
            if isinstance(result, str):
                unavailable[name] = result
            else:
                outcomes[name][clip.name] = result
    return outcomes, unavailable


def _all_attacks(job: tuple[Marked, int, Material]) -> dict[str, Outcome | str]:
    clip, seed, mixed = job
    results: dict[str, Outcome | str] = {}
    for attack in load_attacks():
        try:
            attacked = apply(attack, clip.marked, mixed, seed)
        except Unavailable as reason:
            results[attack.name] = str(reason)
            continue
        score = _pesq(clip.marked, attacked) if seed < PESQ_CLIPS and _same_time(attack) else None
        results[attack.name] = ask(_cut(attack, attacked, 3.0), clip, pesq=score)
    return results


def _same_time(attack: Attack) -> bool:
    return not attack.deep and not attack.crops


def _pesq(before: np.ndarray, after: np.ndarray) -> float | None:
    try:
        from pesq import NoUtterancesError, pesq
    except ImportError:
        return None
    try:
        return float(pesq(RATE, before, np.clip(after, -1, 1), "wb"))
    except NoUtterancesError:
        return None


def _kept() -> dict[str, dict[str, Outcome | str]]:
    kept: dict[str, dict[str, Outcome | str]] = {}
    for line in KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []:
        entry = json.loads(line)
        if entry["shipped"] == _shipped():
            kept[entry["clip"]] = {
                name: result if isinstance(result, str) else Outcome(**result)
                for name, result in entry["results"].items()
            }
    return kept


def _keep(clip: str, results: dict[str, Outcome | str]) -> None:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: result if isinstance(result, str) else asdict(result) for name, result in results.items()}
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"clip": clip, "shipped": _shipped(), "results": plain}) + "\n")


@lru_cache(maxsize=1)
def _shipped() -> str:
    """What kept answers hold for; those of another codec or list are asked anew."""
    return f"{DETECTOR_VERSION} at {TARGET_QUALITY}, {len(load_attacks())} attacks"


# ------------------------------------------------------------------ longer pieces
def longer_rows(mixed: Material, count: int = 16) -> list[Row]:
    """Records named at 3, 8 and 16 s after the hard attacks, on clips of 20 s and more, without the deep
    search.
    """
    clips = mark_clips(list(_long_clips(count)))
    attacks = {attack.name: attack for attack in load_attacks()}
    named: dict[tuple[str, int], int] = defaultdict(int)
    for index, clip in enumerate(clips):
        for name in HARD:
            attacked = apply(attacks[name], clip.marked, mixed, index)
            for seconds in (3, *LONGER_S):
                piece = crop(attacked, seconds, seconds * 2 / 3)
                named[name, seconds] += ask(piece, clip, deep=False).named
    rows = []
    for (name, seconds), hits in sorted(
        named.items(), key=lambda entry: (HARD.index(entry[0][0]), entry[0][1])
    ):
        low, high = share_interval(hits, count)
        interval = f"95 % interval {low:.3f} to {high:.3f}"
        rows.append(Row(f"{name} at {seconds} s", "share named", hits / count, interval, count))
    return rows


def _long_clips(count: int) -> Iterable[speech.Clip]:
    for index in range(count):
        voice = speech.REPORT_VOICES[index % len(speech.REPORT_VOICES)]
        text = " ".join(speech.SENTENCES[(index + 5 * k) % len(speech.SENTENCES)] for k in range(4))
        samples, rate = speech.speak(f"flite:{voice}", text)
        yield speech.Clip(f"{voice}-long-{index:02d}", voice, samples, rate)


# ------------------------------------------------------------------ rows
def _row(attack: Attack, outcomes: dict[str, Outcome], reason: str | None) -> Row:
    if not outcomes:
        return Row(attack.name, "share named", None, target=SURVIVED, note=reason or "not run")
    count = len(outcomes)
    named = sum(o.named for o in outcomes.values())
    low, high = share_interval(named, count)
    shares = {
        "detected": sum(o.present for o in outcomes.values()) / count,
        "decoded without registry": sum(o.decoded for o in outcomes.values()) / count,
        "read back": sum(o.read_back for o in outcomes.values()) / count,
    }
    scores = [o.pesq for o in outcomes.values() if o.pesq is not None]
    note = "; ".join(f"{name} {share:.3f}" for name, share in shares.items())
    if scores:
        note += f"; PESQ {np.mean(scores):.2f}"
    return Row(
        attack.name,
        f"share named ({attack.family})",
        named / count,
        f"95 % interval {low:.3f} to {high:.3f}",
        count,
        SURVIVED,
        note=note,
    )


def _by_family(attacks: list[Attack], table: list[Row]) -> list[Row]:
    families: dict[str, list[Row]] = defaultdict(list)
    for attack, row in zip(attacks, table, strict=True):
        if row.value is not None:
            families[attack.family].append(row)
    rows = []
    for family, members in families.items():
        worst = min(members, key=lambda row: row.value or 0)
        mean = float(np.mean([row.value for row in members]))
        note = f"worst {worst.metric} {worst.value:.3f}"
        rows.append(Row(f"named_{family}", "share", mean, None, len(members), note=note))
    return rows


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
