"""Signs of life reach through the broker: a process that lives and reaches nobody is not well."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker

from synth.local import cli, pulse
from worker import pulse as signs
from worker.app import app


@pytest.fixture
def data_dir(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.ASSENT_DATA_DIR = tmp_path
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path))
    return tmp_path


def test_a_worker_is_asked_through_the_broker(data_dir: Path) -> None:
    with start_worker(
        app, pool="threads", concurrency=1, perform_ping_check=False, hostname="checks@here"
    ) as worker:
        assert signs.answers(worker.hostname)
    assert not signs.answers("checks@here"), "nobody is there any more"


def test_a_broker_that_is_away_is_no_answer(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(app.control, "ping", away)
    assert not signs.answers("checks@here")


def test_the_health_check_looks_at_the_age(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["healthy", "beat"]) == 1
    assert "no sign of life yet" in capsys.readouterr().err
    signs._queued()
    assert cli.main(["healthy", "beat"]) == 0
    (path,) = (data_dir / "pulse").iterdir()
    long_ago = time.time() - 2 * pulse.STALE_AFTER_S
    os.utime(path, (long_ago, long_ago))
    assert cli.main(["healthy", "beat"]) == 1
    assert pulse.ages_s(data_dir)[path.name] > pulse.STALE_AFTER_S
