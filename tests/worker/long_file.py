"""The child of `test_long_files`: examines one file as the worker does and prints what it found and what it took.

python -m tests.worker.long_file FILE FINGERPRINT EPOCH NUMBER RECORD_MS
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synth.conf.settings")
os.environ.setdefault("NO_TORCH_COMPILE", "1")


def main(path: str, fingerprint: str, epoch: str, number: str, record_ms: str) -> None:
    import django

    django.setup()
    from synth.audio.decode import decode_to_file
    from tests.worker.material import KnownRecords
    from watermark.codec import MarkKeys
    from watermark.limits import CALLER
    from watermark.reading.examination import examine
    from watermark.reading.progress import Progress
    from watermark.reading.registry import Record
    from watermark.reading.search import Sources
    from watermark.reading.spans import length_of
    from watermark.reading.verdict import decide
    from worker import resident, verification

    record = Record(int(number), Path(fingerprint).read_bytes(), int(record_ms) / 1000)
    sources = Sources(KnownRecords([record], [epoch, "older"]), MarkKeys(b"k" * 32), resident.public_mark())
    progress = Progress()
    seen: list[float] = []
    progress.check = lambda: seen.append(progress.share)
    began, cpu = time.monotonic(), time.process_time()
    limits = verification.decode_limits(CALLER, deep=False)
    with decode_to_file(path, limits=limits, rate_hz=verification.WORKING_RATE_HZ) as decoded:
        found = examine(decoded, sources, progress=progress)
    decision = decide(found.findings)
    ours = [(i.start_s, i.end_s) for i in decision.intervals if i.kind == "ours"]
    answer = {
        "verdict": decision.verdict.value,
        "duration_s": found.findings.duration_s,
        "ours_s": length_of(ours),
        "last_s": max((end for _, end in ours), default=0.0),
        "peak_rss_mb": peak_rss_mb(),
        "decoder_rss_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.monotonic() - began,
        "steps": len(seen),
        "public_score": found.public_score,
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def peak_rss_mb() -> float:
    """Of this program alone; what getrusage says counts the process that started it too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
