"""Figures for a monitoring system, and lines of the process logs that say what they are about."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from audit.actors import ANONYMOUS
from audit.services import record
from synth.common import logs, metrics

TOKEN = "a-token-of-the-monitoring-system"
LINE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? -?[0-9.e+-]+\Z')


def scrape(client: Client, token: str = TOKEN) -> Any:
    return client.get("/metrics", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.django_db
def test_only_who_brings_the_token_sees_figures(client: Client, settings: Any) -> None:
    settings.ASSENT_METRICS_TOKEN = ""
    assert scrape(client, "").status_code == 404
    settings.ASSENT_METRICS_TOKEN = TOKEN
    assert scrape(client, "another").status_code == 404
    assert client.get("/metrics").status_code == 404
    assert scrape(client).status_code == 200


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_what_happens_is_counted_and_the_text_is_prometheus(client: Client, settings: Any) -> None:
    settings.ASSENT_METRICS_TOKEN = TOKEN
    metrics._client().delete(metrics._COUNTERS)
    gates = {"gates": {"signal": "pass", "words": "fail"}}
    for event, data in (("verification.queried", {"verdict": "issued"}), ("consent.rejected", gates)):
        with transaction.atomic():
            record(event=event, actor=ANONYMOUS, data=data)
    answer = scrape(client)
    lines = answer.content.decode().splitlines()
    assert answer["content-type"].startswith("text/plain; version=0.0.4")
    assert all(line.startswith("# ") or LINE.match(line) for line in lines), lines
    assert {
        'assent_events_total{event="verification.queried"} 1',
        'assent_verdicts_total{verdict="issued"} 1',
        'assent_gates_total{gate="words",outcome="fail"} 1',
        "assent_log_waiting_entries 2",
        "# TYPE assent_verdicts_total counter",
    } <= set(lines)
    assert any(line.startswith('assent_queue_messages{queue="speech"}') for line in lines)


def test_a_line_says_which_request_or_task_it_is_of() -> None:
    line = logging.LogRecord("synth.x", logging.INFO, "x.py", 1, "spoken %s", ("well",), None)
    with logs.about(request="r-1"), logs.about(task="speech.render", row="j-1"):
        assert (
            logs.LineFormatter()
            .format(line)
            .endswith("INFO synth.x spoken well [request=r-1 task=speech.render row=j-1]")
        )
        said = json.loads(logs.JsonFormatter().format(line))
    assert said["request"] == "r-1" and said["row"] == "j-1" and said["message"] == "spoken well"
    assert logs.LineFormatter().format(line).endswith("spoken well"), "nothing is left behind"
