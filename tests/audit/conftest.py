"""A log of its own for each test: keys and external copy in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from audit import keys, services
from audit.actors import SYSTEM
from audit.models import Entry
from audit.sequencer import Sequencer

SEED_HEX = "5a" * 32


@pytest.fixture
def log_home(tmp_path: Path, settings: Any) -> Path:
    """Data folder with a fixed signing key."""
    settings.ASSENT_DATA_DIR = tmp_path
    settings.ASSENT_KEYS_DIR = tmp_path / "keys"
    settings.ASSENT_ORIGIN = "test.example/log"
    settings.ASSENT_KEYS_DIR.mkdir()
    keys.key_path().write_text(SEED_HEX + "\n")
    return tmp_path


@pytest.fixture
def make_sequencer(log_home: Path) -> Iterator[Callable[..., Sequencer]]:
    """Builds sequencers on this test's log; their session, and so their lock, ends with the test."""

    def make(**options: Any) -> Sequencer:
        return Sequencer(signer=keys.signer(), external=keys.checkpoint_file(), **options)

    yield make
    connections["sequencer"].close()


@pytest.fixture
def sequence(make_sequencer: Callable[..., Sequencer]) -> Callable[..., int]:
    """Empties the queue as a fresh sequencer would; the size of the tree."""

    def run(**options: Any) -> int:
        sequencer = make_sequencer(**options)
        assert sequencer.try_lock()
        size = sequencer.recover()
        while taken := sequencer.step():
            size += taken
        return size

    return run


def write(count: int = 1, **options: Any) -> list[Entry]:
    """Commit ``count`` entries, each in its own transaction."""
    entries = []
    for number in range(count):
        with transaction.atomic():
            values = {"event": "voice.registered", "actor": SYSTEM, "data": {"index": number}, **options}
            entries.append(services.record(**values))
    return entries


def bulk(count: int) -> None:
    """Many entries in one statement, as the application's role; the n-th carries ``"index":n``."""
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO audit_entry (event, body, leaf_hash, created_at)
            SELECT 'voice.registered', body, sha256('\\x00'::bytea || body), '2026-11-22T12:00:00Z'
            FROM (SELECT convert_to('{"data":{"index":' || g || '},"event":"voice.registered","nonce":"' || g ||
              '","organisation":null,"subject":null,"time":"2026-11-22T12:00:00.000000Z","v":1}',
              'UTF8') AS body
              FROM generate_series(0, %s - 1) g) AS made
            """,
            [count],
        )
