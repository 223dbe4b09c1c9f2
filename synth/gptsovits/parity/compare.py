"""Every golden of a folder against this implementation: ``python -m synth.gptsovits.parity FOLDER``.

Prints the largest error of each kind beside its limit and exits with 1 when one is passed. A folder need
not hold everything: what is there is compared, and the number of comparisons is printed. Tensor errors are
relative to the peak of what is expected; tokens and chunk lists count differing items; end to end counts the steps
of 16 bits by which the farthest sample is off.
"""

from __future__ import annotations

# ruff: noqa: T201
import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import torch

from synth.gptsovits.loading import load_sovits, load_text2semantic
from synth.gptsovits.parity.end_to_end import end_to_end
from synth.gptsovits.parity.findings import LIMITS, VERSIONS, Finding, Golden
from synth.gptsovits.parity.references import bert_rows, hubert_features, reference_audio, speaker_embeddings
from synth.gptsovits.parity.sovits import waveforms
from synth.gptsovits.parity.text2semantic import decoder


@torch.inference_mode()
def compare(folder: Path) -> Iterator[Finding]:
    """All comparisons that a folder of the documented layout allows."""
    yield from reference_audio(folder)
    yield from speaker_embeddings(folder)
    yield from hubert_features(folder)
    yield from bert_rows(folder)
    for version in VERSIONS:
        golden_path = folder / f"{version}_golden.npz"
        s1, s2 = (folder / "ckpt" / f"small_{version}_{part}" for part in ("s1.ckpt", "s2.pth"))
        if not golden_path.exists():
            continue
        golden = Golden(golden_path)
        if s1.exists():
            yield from decoder(version, golden, load_text2semantic(s1))
        if s2.exists():
            yield from waveforms(version, golden, load_sovits(s2), folder)
    yield from end_to_end(folder)


def main(arguments: list[str] | None = None) -> int:
    """Command line: the folder; ``--all`` lists every comparison."""
    parser = argparse.ArgumentParser(prog="python -m synth.gptsovits.parity")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--all", action="store_true", help="list every comparison, not only the worst of a kind"
    )
    options = parser.parse_args(arguments)
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in compare(options.folder):
        by_kind[finding.kind].append(finding)
        if options.all:
            print(f"  {finding.kind:16} {finding.case:28} {finding.error:.2e}")
    if not by_kind:
        print(f"no goldens in {options.folder}", file=sys.stderr)
        return 2
    print(f"{'kind':16} {'n':>4} {'largest':>9} {'limit':>8}")
    failed = False
    for kind, findings in by_kind.items():
        worst = max(findings, key=lambda finding: finding.error)
        verdict = "" if worst.passed else f"  FAILED ({worst.case})"
        failed = failed or not worst.passed
        print(f"{kind:16} {len(findings):4} {worst.error:9.2e} {LIMITS[kind]:8.0e}{verdict}")
    return int(failed)
