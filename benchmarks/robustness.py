"""The attack list on marked clips: is the mark found, is its record named, is another one named?

Every piece is asked like the public endpoint asks: plainly, then matched with the issued records, then with
the deep search over tempo and pitch. A row per attack; an attack is survived when the record is named in 95
% of the clips.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmarks.attacks import RATE, Attack, Material, Unavailable, apply, crop, load_attacks
from benchmarks.marking import EPOCHS, ISSUED, KEYS, Marked, epoch_of, issued, share_interval
from benchmarks.report import Row
from watermark.codec import detect, read_back

SURVIVED = 0.95


@dataclass(frozen=True)
class Outcome:
    """One clip after one attack. decoded: named by the code alone. wrong: another record was named."""

    named: bool
    decoded: bool
    wrong: bool
    present: bool
    read_back: bool


def attack_rows(
    clips: list[Marked], mixed: Material, *, processes: int = 1, minutes: float | None = None
) -> tuple[list[Row], list[Row]]:
    """Summary rows, and one row per attack. With `minutes`, no new clip is begun after that time."""
    attacks = load_attacks()
    outcomes: dict[str, dict[str, Outcome]] = defaultdict(dict)
    unavailable: dict[str, str] = {}
    end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
    done = 0
    with ProcessPoolExecutor(processes, initializer=_one_thread) as pool:
        for start in range(0, len(clips), processes):
            if time.monotonic() > end:
                break
            jobs = [(clip, start + k, mixed) for k, clip in enumerate(clips[start : start + processes])]
            for (clip, _, _), results in zip(jobs, pool.map(_all_attacks, jobs), strict=True):
                for name, result in results.items():
                    if isinstance(result, str):
                        unavailable[name] = result
                    else:
                        outcomes[name][clip.name] = result
                done += 1
                lost = [name for name, r in results.items() if isinstance(r, Outcome) and not r.named]
                print(f"{clip.name}: not named after {', '.join(lost) or 'none'}", flush=True)
    table = [_row(attack, outcomes[attack.name], unavailable.get(attack.name)) for attack in attacks]
    single = [row for attack, row in zip(attacks, table, strict=True) if attack.family != "chain"]
    survived = [row.metric for row in single if row.value is not None and row.value >= SURVIVED]
    lost = [row.metric for row in single if row.metric not in survived]
    wrong = sum(o.wrong for named in outcomes.values() for o in named.values())
    tried = sum(len(named) for named in outcomes.values())
    summary = [
        Row(
            "attacks_survived",
            "share",
            len(survived) / len(single),
            None,
            len(single),
            0.90,
            note=f"record named in at least 95 % of {done} clips, among {ISSUED:,} issued records;"
            f" not survived: {', '.join(lost)}",
        ),
        Row("wrong_records", "1", wrong, None, tried, 0, "lower", note="another record named, all attacks"),
    ]
    return summary + _by_family(attacks, table), table


def attacked_piece(
    attack: Attack, clip: Marked, mixed: Material, seed: int, seconds: float = 3.0
) -> np.ndarray:
    """The attacked clip, cut to 3 s with 2 s of speech unless the attack cuts by itself."""
    out = apply(attack, clip.marked, mixed, seed)
    return out if attack.crops else crop(out, seconds, seconds * 2 / 3)


def _all_attacks(job: tuple[Marked, int, Material]) -> dict[str, Outcome | str]:
    clip, seed, mixed = job
    results: dict[str, Outcome | str] = {}
    for attack in load_attacks():
        try:
            piece = attacked_piece(attack, clip, mixed, seed)
        except Unavailable as reason:
            results[attack.name] = str(reason)
            continue
        results[attack.name] = ask(piece, clip)
    return results


def ask(piece: np.ndarray, clip: Marked) -> Outcome:
    """What detection and read-back say of a piece of a marked clip."""
    found = detect(piece, RATE, keys=KEYS, epochs=EPOCHS, deep=True, known=issued)
    right = [word for word in found.words if word.record_number == clip.record_number]
    epoch = epoch_of(clip.record_number)
    return Outcome(
        named=bool(right),
        decoded=any(word.decoded for word in right),
        wrong=len(right) < len(found.words),
        present=found.present,
        read_back=read_back(piece, RATE, record_number=clip.record_number, keys=KEYS, epoch=epoch).ok,
    )


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
    missed = [name for name, o in outcomes.items() if not o.named]
    note = "; ".join(f"{name} {share:.3f}" for name, share in shares.items())
    if missed:
        note += f"; missed {', '.join(missed[:12])}{' ...' if len(missed) > 12 else ''}"
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
