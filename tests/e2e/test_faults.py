"""kill -9 of everything, many times, in the middle of jobs. Afterwards: no output without its entry, no
acknowledged entry lost, no job lost, and the log verifies.

Counts, not seconds: nothing here measures time; the loops are bounded.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.e2e.conftest import SEED, Seeded
from tests.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

JOBS = 14
KILLS = 12
TARGETS = (
    ("celery", "speech"),
    ("audit_sequencer",),
    ("celery", "checks"),
    ("postgres", "-D"),
    ("celery", "speech"),
    ("valkey-server",),
)
TEXTS = (
    "The ferry left early, and half of the village was still on the pier.",
    "She counted the coins twice. There were eleven, and there should have been twelve.",
    "Snow fell on the orchard all night long, and nobody noticed until morning.",
)


@pytest.fixture
def victim(tmp_path) -> Iterator[Seeded]:
    """A service of its own: this test is not kind to it."""
    service = Service(tmp_path / "data").start()
    try:
        yield Seeded(service=service, **service.python(SEED))
    finally:
        service.stop()


def submit(seeded: Seeded, index: int) -> dict | None:
    """One submission; None when the service did not acknowledge it (it may be between two deaths)."""
    try:
        answer = httpx.post(
            f"{seeded.url}/api/v1/jobs",
            headers={"Authorization": f"Bearer {seeded.key}", "Idempotency-Key": f"fault-{index}"},
            json={"voice": seeded.slug, "text": TEXTS[index % len(TEXTS)], "style": "sad", "format": "wav"},
            timeout=30,
        )
    except httpx.HTTPError:
        return None
    return answer.json() if answer.status_code == 201 else None


def patiently(seeded: Seeded, code: str) -> dict:
    """Ask the database, which may just be coming back."""
    for _ in range(20):
        try:
            return seeded.service.python(code)
        except RuntimeError:
            time.sleep(2)
    raise AssertionError(f"no answer: {seeded.service.tail()}")


def test_killing_everything_loses_nothing(victim):
    dice = random.Random(20)
    acknowledged: dict[int, str] = {}
    killed: Counter[str] = Counter()
    for kill in range(KILLS):
        for index in range(JOBS):
            if index not in acknowledged and index <= (kill + 1) * JOBS / KILLS * 1.5:
                job = submit(victim, index)
                if job is not None:
                    acknowledged[index] = job["id"]
        words = TARGETS[kill % len(TARGETS)]
        pids = victim.service.pids(*words)
        if pids:
            # Of a process and its helpers the parent has the lowest id.
            os.kill(min(pids), signal.SIGKILL)
            killed[words[-1]] += 1
        time.sleep(dice.uniform(2.0, 5.0))
    for index in range(JOBS):
        for _ in range(30):
            if index in acknowledged:
                break
            job = submit(victim, index)
            if job is not None:
                acknowledged[index] = job["id"]
            else:
                time.sleep(1)
    assert len(acknowledged) == JOBS
    assert sum(killed.values()) >= KILLS // 2, killed

    states: dict[str, str] = {}
    for _ in range(150):
        answer = patiently(
            victim,
            "from synth.jobs.models import SynthesisJob\n"
            "answer = {str(j.id): [j.state, j.error] for j in SynthesisJob.objects.all()}",
        )
        states = {job_id: state for job_id, (state, _) in answer.items()}
        if all(state in ("released", "failed", "cancelled") for state in states.values()):
            break
        time.sleep(2)
    # Jobs lost: 0. Every acknowledged job is there, and every one was released.
    missing = [job_id for job_id in acknowledged.values() if job_id not in states]
    assert missing == []
    assert {states[job_id] for job_id in acknowledged.values()} == {"released"}, answer
    # A repeated submission made no second job.
    assert len(states) == JOBS

    facts = patiently(
        victim,
        "from synth.jobs.models import SynthesisJob, Output\n"
        "from audit.models import Entry\n"
        "from django.core.files.storage import default_storage as s\n"
        "import hashlib\n"
        "rows = list(Output.objects.select_related('entry'))\n"
        "answer = {'outputs': len(rows),"
        " 'without_entry': [str(o.id) for o in rows if o.entry.content['data']['output_sha256'] != o.sha256],"
        " 'broken_files': [str(o.id) for o in rows"
        "   if hashlib.sha256(s.open(o.file).read()).hexdigest() != o.sha256],"
        " 'authorised': Entry.objects.filter(event='synthesis.authorised').count(),"
        " 'completed': Entry.objects.filter(event='synthesis.completed').count()}",
    )
    assert facts["outputs"] == JOBS
    assert facts["without_entry"] == []
    assert facts["broken_files"] == []
    # Acknowledged entries lost: 0.
    assert facts["authorised"] == JOBS
    assert facts["completed"] == JOBS
    for _ in range(60):
        pending = patiently(
            victim,
            "from audit.models import Entry, Leaf\nanswer = Entry.objects.count() - Leaf.objects.count()",
        )
        if pending == 0:
            break
        time.sleep(1)
    assert pending == 0
    victim.service.manage("audit_verify")
