"""`make bench-audit`: what the log costs: appends beside plain inserts, proofs, offline verification, bytes.

On a server of its own with fsync on. A plain insert is a row of the same size, in a table with a key and no index,
trigger or constraint besides, written by the same Python in the same kind of transaction.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.report import ROOT, Row, spread_of, write_report

WRITERS = 32
ROUNDS = 3
PROOFS = 400
PLAIN = (
    "CREATE TABLE bench_plain"
    " (id bigserial PRIMARY KEY, event text, subject text, body bytea, created_at timestamptz)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--entries", type=int, default=1_000_000, help="size of the log that proofs are made in"
    )
    parser.add_argument(
        "--appends", type=int, default=100, help="entries of each of 32 writers, in each round"
    )
    options = parser.parse_args()
    from synth.local.keys import ensure_keys
    from synth.local.services import LocalServices

    with tempfile.TemporaryDirectory(prefix="assent-bench-", dir="/var/tmp") as folder:
        data_dir = Path(folder) / "data"
        services = LocalServices(data_dir, durable=True)
        try:
            os.environ |= services.start().environment()
            os.environ |= {"ASSENT_DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "synth.conf.settings"}
            ensure_keys(data_dir / "keys", data_dir)
            import django

            django.setup()
            from django.core.management import call_command

            call_command("migrate", database="owner", interactive=False, verbosity=0)
            rows = [*_appends(options.appends), *_proofs(options.entries), _bytes(), *_offline(data_dir)]
        finally:
            services.stop()
    print(write_report("audit", rows, command=f"make bench-audit ({options.entries} entries)"))


def _appends(count: int) -> list[Row]:
    """32 writers, log and plain table in turn; the sequencer is at work meanwhile, as in life."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(PLAIN)
    sequencer = subprocess.Popen(
        [sys.executable, "manage.py", "audit_sequencer"], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        rates: dict[str, list[float]] = {"log": [], "plain": []}
        waits: dict[str, list[float]] = {"log": [], "plain": []}
        for number in range(ROUNDS + 1):
            for name, write in (("plain", _write_plain), ("log", _write_entry)):
                took, each = _at_once(write, count)
                if number:  # the first round warms
                    rates[name].append(WRITERS * count / took)
                    waits[name] += each
    finally:
        sequencer.terminate()
        sequencer.wait()
    ratios = [log / plain for log, plain in zip(rates["log"], rates["plain"], strict=True)]
    log_p99, plain_p99 = (_p99(waits[name]) for name in ("log", "plain"))
    n = ROUNDS * WRITERS * count
    return [
        Row(
            "append_over_plain_32", "ratio", round(statistics.median(ratios), 3), spread_of(ratios), n, 0.70,
            note=f"{statistics.median(rates['log']):.0f} a second beside {statistics.median(rates['plain']):.0f}",
        ),
        Row(
            "append_p99_over_plain_32", "ratio", round(log_p99 / plain_p99, 3), None, n, 2.0, "lower",
            note=f"p99 {log_p99 * 1000:.1f} ms beside {plain_p99 * 1000:.1f} ms",
        ),
    ]  # fmt: skip


def _at_once(write: Callable[[int], None], count: int) -> tuple[float, list[float]]:
    from django.db import connections

    def work(writer: int) -> list[float]:
        write(0)  # the connection
        each = []
        for number in range(count):
            begun = time.perf_counter()
            write(number)
            each.append(time.perf_counter() - begun)
        connections.close_all()
        return each

    with ThreadPoolExecutor(WRITERS) as pool:
        begun = time.perf_counter()
        waits = [wait for each in pool.map(work, range(WRITERS)) for wait in each]
    return time.perf_counter() - begun, waits


def _write_entry(number: int) -> None:
    from django.db import transaction

    from audit.actors import SYSTEM
    from audit.services import record

    with transaction.atomic():
        record(
            event="output.downloaded",
            actor=SYSTEM,
            subject="output:x",
            data={"index": number, "kind": "bench"},
        )


def _write_plain(number: int) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_plain (event, subject, body, created_at) VALUES (%s, %s, %s, now()) RETURNING id",
            ["output.downloaded", "output:x", b"x" * 270],
        )


def _proofs(entries: int) -> list[Row]:
    """A log of this size, and proofs of entries by chance."""
    from django.core.management import call_command
    from django.db import connection

    from audit.models import Entry
    from audit.services import proof_for
    from tests.audit.conftest import bulk

    present = Entry.objects.count()
    for start in range(present, entries, 50_000):
        bulk(min(50_000, entries - start))
    call_command("audit_sequencer", "--once", verbosity=0)
    size = Entry.objects.count()
    ids = list(Entry.objects.values_list("id", flat=True))
    waits, queries = [], []
    for pk in random.Random(1).sample(ids, PROOFS):
        entry = Entry.objects.get(pk=pk)
        counted = 0

        def count(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
            nonlocal counted
            counted += 1
            return execute(sql, params, many, context)

        with connection.execute_wrapper(count):
            begun = time.perf_counter()
            proof = proof_for(entry)
            waits.append((time.perf_counter() - begun) * 1000)
        assert proof is not None
        queries.append(counted)
    whole = size >= 1_000_000
    return [
        Row(
            "proof_p99_ms_1m", "ms", round(_p99(waits), 2) if whole else None, spread_of(waits) if whole else None,
            PROOFS, 10.0, "lower",
            note=f"{max(queries)} queries at most" if whole else f"not measured: the log had {size} entries",
        ),
        *([] if whole else [Row(
            "proof_p99_ms", "ms", round(_p99(waits), 2), spread_of(waits), PROOFS, None, "lower",
            note=f"in a log of {size} entries; {max(queries)} queries at most",
        )]),
    ]  # fmt: skip


def _bytes() -> Row:
    from django.db import connections

    from audit.models import Entry
    from audit.rights import TABLES

    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) name",
            [list(TABLES)],
        )
        total = int(cursor.fetchone()[0])
    count = Entry.objects.count()
    return Row(
        "bytes_per_entry", "bytes", round(total / count), None, count, 900, "lower",
        note="tables and indexes, after appending; these bodies have 130 bytes, those of a release about 1,500",
    )  # fmt: skip


def _offline(data_dir: Path) -> list[Row]:
    """The export read by the offline checker."""
    from audit import exports, keys
    from audit.offline import verify_export

    verifier = keys.verifier()
    path = data_dir / "log.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(exports.export_lines(verifier))
    begun = time.perf_counter()
    with path.open(encoding="utf-8") as lines:
        walked = verify_export(lines, verifier)
    rate = walked.tree.size / (time.perf_counter() - begun)
    return [
        Row(
            "verify_leaves_per_s", "leaves/s", round(rate), None, walked.tree.size, 300_000,
            note="from a file, canonical form included, one process; the target is of two, which it cannot use yet",
        )
    ]  # fmt: skip


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    main()
