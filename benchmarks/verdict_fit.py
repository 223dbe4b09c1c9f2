"""Fitting the score of the word-by-word comparison: which residuals speak for an edit, and above which score.

Two logistic scores on the frames of edited and of only coded files: one says whether there is an edit, one where it
ends. Frames of untouched sound that look most like an edit are given to the first again, twice, so that it learns from
what it gets wrong. Only speakers of the fitting half are seen here.
"""

from __future__ import annotations

import json

import numpy as np

from benchmarks.processing import HARSH
from benchmarks.verdict_cases import Case
from watermark.comparison.score import FINDING, PLACING, WEIGHTS, Weights, columns

RATE = 100
DISTURBED_DB = 2.2
"""Files that usually differ by more are not compared word by word: chosen on the fitting half, where codecs and
noise that leave words comparable stay below."""
AUDIBLE_SHARE = 0.05
THRESHOLD = 1.5
"""Log-odds: on files of held-out fitting speakers, flags 1 in 200 untouched ones."""
_AROUND_S = 0.12
_HARD, _ANY = 25, 15


def fit(cases: list[Case]) -> tuple[Weights, Weights]:
    """(finding, placing) on all of ``cases``; what is too disturbed to compare teaches nothing."""
    used = [case for case in cases if case.coding not in HARSH]
    return _fit_finding(used), _fit_placing(used)


def write(finding: Weights, placing: Weights, cases: list[Case]) -> None:
    """The weights with what they were fitted on."""
    edited = [case for case in cases if case.kind != "benign"]
    body = {
        "fitted_on": {
            "voices": len({case.voice for case in cases}),
            "edited_files": len(edited),
            "untouched_files": len(cases) - len(edited),
        },
        "threshold": THRESHOLD,
        "disturbed_db": DISTURBED_DB,
        "audible_share": AUDIBLE_SHARE,
        "finding": _as_body(finding),
        "placing": _as_body(placing),
    }
    WEIGHTS.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def _as_body(weights: Weights) -> dict[str, object]:
    def rounded(values: np.ndarray) -> list[float]:
        return [float(f"{value:.5g}") for value in values]

    return {
        "mean": rounded(weights.mean),
        "deviation": rounded(weights.deviation),
        "weights": rounded(weights.weights),
        "constant": float(f"{weights.constant:.5g}"),
    }


def _fit_finding(cases: list[Case]) -> Weights:
    features = [columns(case.overlay.found, FINDING) for case in cases]
    labels = [_edited_frames(case) for case in cases]
    weights: Weights | None = None
    for _ in range(3):
        generator = np.random.default_rng(1)
        rows, answers = [], []
        for case, found, label in zip(cases, features, labels, strict=True):
            untouched = np.flatnonzero(label == 0)
            suspicion = case.overlay.found.size if weights is None else weights.score(found)
            hard = untouched[np.argsort(-suspicion[untouched])[:_HARD]]
            any_ = generator.choice(untouched, min(len(untouched), _ANY), replace=False)
            chosen = np.concatenate([np.flatnonzero(label == 1), np.union1d(hard, any_)]).astype(int)
            rows.append(found[chosen])
            answers.append(label[chosen])
        weights = _logistic(np.concatenate(rows), np.concatenate(answers))
    assert weights is not None
    return weights


def _edited_frames(case: Case) -> np.ndarray:
    """1 inside edits, 0 away from them, NaN in between and where nothing can be said: (frames,)."""
    label = np.zeros(len(case.overlay.offsets))
    seconds = np.arange(len(label)) / RATE
    for start, end in case.spans:
        around = _AROUND_S if end > start else 2 * _AROUND_S
        label[(seconds >= start - around) & (seconds <= end + around)] = np.nan
        inside = (seconds >= start + 0.03) & (seconds <= end - 0.03)
        label[inside] = np.nan if case.kind == "swapped" else 1
    label[~case.overlay.inside] = np.nan
    return label


def _fit_placing(cases: list[Case]) -> Weights:
    rows, answers = [], []
    for case in cases:
        if case.kind in ("benign", "cut", "swapped"):
            continue
        label = np.full(len(case.overlay.offsets), np.nan)
        seconds = np.arange(len(label)) / RATE
        for start, end in case.spans:
            label[(seconds >= start - 0.3) & (seconds <= end + 0.3)] = 0
            label[(seconds >= start - 0.015) & (seconds <= end + 0.015)] = np.nan
            label[(seconds >= start + 0.015) & (seconds <= end - 0.015)] = 1
        label[~case.overlay.inside] = np.nan
        chosen = np.flatnonzero(~np.isnan(label))
        rows.append(columns(case.overlay.found, PLACING)[chosen])
        answers.append(label[chosen])
    return _logistic(np.concatenate(rows), np.concatenate(answers))


def _logistic(rows: np.ndarray, answers: np.ndarray, ridge: float = 1.0) -> Weights:
    """Ridge logistic regression by Newton's method."""
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    scaled = np.column_stack([(rows - mean) / deviation, np.ones(len(rows))])
    weights = np.zeros(scaled.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(scaled @ weights, -30, 30)))
        gradient = scaled.T @ (chance - answers) + ridge * weights
        curvature = (scaled * (chance * (1 - chance) + 1e-4)[:, None]).T @ scaled + ridge * np.eye(
            len(weights)
        )
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-4:
            break
    return Weights(mean, deviation, weights[:-1], float(weights[-1]))
