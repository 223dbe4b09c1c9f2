"""`make bench-main`: what the whole service costs, driven from outside over HTTP.

Seconds depend on the machine and on whatever else it does; the shares of one job's processor time and the
resident memory of each process are the steadier figures. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np

from benchmarks.report import Row, spread_of, write_report
from tests.e2e.conftest import SEED
from tests.service import Service

TEXT = "The letter came on a Tuesday, and nobody opened it until the evening."  # about five seconds
REPEATS = 5
CLIENTS = 150


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory(prefix="assent-bench-", dir="/var/tmp") as folder:
        service = Service(Path(folder) / "data", ASSENT_VERIFY_RATE="100000/minute")
        rows = [_start(service)]
        try:
            facts = service.python(SEED)
            with httpx.Client(
                base_url=service.base_url, headers={"Authorization": f"Bearer {facts['key']}"}, timeout=300
            ) as api:
                rows += _speech(api, facts["slug"])
                rows += _memory(service)
                rows += _waiting_clients(service, api, facts["slug"])
        finally:
            service.stop()
    rows += _processor_time()
    print(write_report("main", rows, command="make bench-main"))


def _start(service: Service) -> Row:
    """From `make up` on an existing environment to the first answer: a fresh data folder, then a second start."""
    seconds = []
    for _ in range(2):
        begun = time.monotonic()
        service.start()
        seconds.append(time.monotonic() - begun)
        service.stop()
    service.start()
    return Row(
        "up_to_first_answer_s", "s", round(seconds[1], 1), spread=f"first start of a data folder {seconds[0]:.1f}",
        n=1, target=15, better="lower", note="second start; the first also makes the database",
    )  # fmt: skip


def _speech(api: httpx.Client, voice: str) -> list[Row]:
    waits, lengths, verify = [], [], []
    for index in range(REPEATS + 1):
        begun = time.monotonic()
        job = api.post(
            "/api/v1/jobs", json={"voice": voice, "text": TEXT, "style": "sad", "format": "wav"}
        ).json()
        while job["state"] in ("queued", "running"):
            job = api.get(f"/api/v1/jobs/{job['id']}", params={"wait_s": 30}).json()
        assert job["state"] == "released", job
        took = time.monotonic() - begun
        audio = api.get(job["output"]["audio"]).content
        begun = time.monotonic()
        answer = api.post("/api/v1/verify", files={"file": ("speech.wav", audio)}).json()
        assert answer["report"]["verdict"] == "issued", answer
        if index:  # the first warms the models
            waits.append(took)
            lengths.append(job["output"]["duration_s"])
            verify.append(time.monotonic() - begun)
    return [
        Row("submit_to_released_s", "s", round(statistics.median(waits), 2), spread=spread_of(waits), n=REPEATS,
            better="lower", note=f"output of {statistics.median(lengths):.1f} s, preview engine, one at a time"),
        Row("verify_own_file_s", "s", round(statistics.median(verify), 2), spread=spread_of(verify), n=REPEATS,
            better="lower", note="upload to verdict, the same file"),
    ]  # fmt: skip


_PROCESSES: dict[str, tuple[str, ...]] = {
    "web": ("uvicorn",), "speech": ("celery", "speech"), "checks": ("celery", "checks"),
    "sequencer": ("audit_sequencer",), "beat": ("celery", " beat"), "postgres": ("postgres",), "valkey": ("valkey",),
}  # fmt: skip


def _memory(service: Service) -> list[Row]:
    rows = []
    for name, words in _PROCESSES.items():
        pids = service.pids(*words)
        if not pids:
            continue
        total = sum(_pss_mb(pid) for pid in pids)
        rows.append(
            Row(f"memory_{name}_mb", "MB", round(total), n=len(pids), better="lower",
                note="proportional set size, after the jobs above")
        )  # fmt: skip
    return rows


def _pss_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def _waiting_clients(service: Service, api: httpx.Client, voice: str) -> list[Row]:
    """150 clients wait at once for long jobs; the page and the database must still answer."""
    text = " ".join([TEXT] * 4)
    jobs = [
        api.post("/api/v1/jobs", json={"voice": voice, "text": text, "style": "sad"}).json()["id"]
        for _ in range(3)
    ]

    def wait(index: int) -> int:
        answer = httpx.get(
            f"{service.base_url}/api/v1/jobs/{jobs[index % len(jobs)]}", params={"wait_s": 15},
            headers=api.headers, timeout=120,
        )  # fmt: skip
        return answer.status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        waiting = [pool.submit(wait, index) for index in range(CLIENTS)]
        time.sleep(3)
        connections = service.python(
            "from django.db import connection\n"
            "with connection.cursor() as c:\n"
            "    c.execute(\"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'\")\n"
            "    answer = c.fetchone()[0]"
        )
        others = [httpx.get(service.base_url, timeout=60).status_code for _ in range(10)]
        served = sum(future.result() == 200 for future in waiting)
    return [
        Row("waiting_clients_served", "clients", served, n=CLIENTS, target=CLIENTS, better="higher"),
        Row("database_connections_while_waiting", "connections", connections, n=1, target=100, better="lower",
            note="of the server's 100, with 150 clients waiting"),
        Row("other_pages_answered_meanwhile", "share", sum(code == 200 for code in others) / len(others),
            n=len(others), target=1.0, better="higher"),
    ]  # fmt: skip


def _processor_time() -> list[Row]:
    """CPU seconds per second of audio of each step, in this process, on the preview engine's speech."""
    from synth.audio.encode import decode_own, encode
    from synth.engines.base import ReferenceClip, SpeakRequest
    from synth.provenance import aigc
    from tests.e2e.material import style_clip
    from watermark.codec import MarkKeys, detect, embed, read_back
    from worker import engines

    samples, rate_hz, transcript = style_clip("sad")
    clip = ReferenceClip(samples, rate_hz, transcript, "en", "sad")
    engine = engines.choose("preview", models_dir="/nonexistent")
    keys = MarkKeys(bytes(32))
    label = aigc.AigcLabel(label="1", content_producer="bench", produce_id="0" * 36)
    costs: dict[str, list[float]] = {}

    def cost(name: str, duration_s: float, call: Callable[[], Any]) -> Any:
        begun = time.process_time()
        result = call()
        costs.setdefault(name, []).append((time.process_time() - begun) / duration_s)
        return result

    engine.speak(SpeakRequest(TEXT, "en", [clip], clip))
    for index in range(REPEATS):
        begun = time.process_time()
        speech = engine.speak(SpeakRequest(TEXT, "en", [clip], clip, seed=index))
        length_s = speech.duration_s
        costs.setdefault("speaking", []).append((time.process_time() - begun) / length_s)
        marked = cost("marking", length_s, lambda: embed(
            speech.samples, speech.sample_rate_hz, record_number=7, keys=keys, epoch="bench",  # noqa: B023
            generator=np.random.default_rng(index)))  # noqa: B023  # fmt: skip
        data = cost("labelling", length_s, lambda: aigc.write(
            encode(marked, speech.sample_rate_hz, format="mp3"), "mp3", label))  # noqa: B023  # fmt: skip
        final = decode_own(data, "mp3")
        cost("reading_back", length_s, lambda: read_back(
            final.mono(), final.sample_rate_hz, record_number=7, keys=keys, epoch="bench"))  # noqa: B023  # fmt: skip
        cost("verifying", length_s, lambda: detect(
            final.mono(), final.sample_rate_hz, keys=keys, epochs=["bench"]))  # noqa: B023  # fmt: skip
    notes = {
        "speaking": "preview engine, profile of the clip cached; the text-to-speech child's time not counted",
        "marking": "keyed mark with its strength search", "labelling": "encoding to MP3 and writing the label",
        "reading_back": "from the final bytes, without decoding", "verifying": "keyed mark, plain search, one epoch",
    }  # fmt: skip
    return [
        Row(f"{name}_cpu_s_per_s", "CPU s / audio s", round(statistics.median(values), 4), spread=spread_of(values),
            n=len(values), better="lower", note=notes[name])
        for name, values in costs.items()
    ]  # fmt: skip


if __name__ == "__main__":
    main()
