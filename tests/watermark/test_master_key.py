"""A data folder that was lost beside a database of one's own: the marks' key is not made anew in silence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from psycopg2.extensions import make_dsn

from audit.models import Entry
from synth.local import known
from synth.local.errors import LocalError
from synth.local.keys import MARK_KEY, check_value, ensure_keys

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def lost(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that was prepared once, and a new, empty data folder in its place."""
    first = tmp_path / "first"
    first.mkdir()
    ensure_keys(first / "keys", first)
    settings.ASSENT_DATA_DIR, settings.ASSENT_KEYS_DIR = first, first / "keys"
    settings.STATIC_ROOT = tmp_path / "static"
    prepare()
    monkeypatch.setenv("DATABASE_OWNER_URL", owner_dsn())
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL"):
        monkeypatch.delenv(name, raising=False)
    second = tmp_path / "second"
    second.mkdir()
    settings.ASSENT_DATA_DIR, settings.ASSENT_KEYS_DIR = second, second / "keys"
    return second


def owner_dsn() -> str:
    parameters = connections["owner"].get_connection_params()
    return make_dsn(**{name: parameters[name] for name in ("dbname", "user", "host") if parameters.get(name)})


def prepare() -> None:
    call_command("prepare", "--json", stdout=io.StringIO())


def test_the_start_says_what_is_lost_and_makes_nothing(lost: Path) -> None:
    with pytest.raises(LocalError, match=r"mark-master\.key is missing.*no file released until now"):
        ensure_keys(lost / "keys", lost, database=known.keys_of_database())
    assert list((lost / "keys").iterdir()) == []


@pytest.mark.provokes("mark_key_differs")
def test_a_key_made_without_asking_the_database_is_refused_by_it(lost: Path) -> None:
    ensure_keys(lost / "keys", lost)
    with pytest.raises(CommandError, match="is not the key that the marks in this database"):
        prepare()
    with pytest.raises(LocalError, match="is not the key that"):
        ensure_keys(lost / "keys", lost, database=known.keys_of_database())


def test_the_restored_key_is_taken_and_an_accepted_loss_is_written_down(lost: Path) -> None:
    first = lost.parent / "first" / "keys"
    (lost / "keys").mkdir(mode=0o700)
    for path in first.iterdir():
        (lost / "keys" / path.name).write_bytes(path.read_bytes())
        (lost / "keys" / path.name).chmod(0o600)
    ensure_keys(lost / "keys", lost, database=known.keys_of_database())
    prepare()
    (lost / "keys" / MARK_KEY).unlink()
    ensure_keys(lost / "keys", lost, replace=MARK_KEY, database=known.keys_of_database())
    ensure_keys(lost / "keys", lost, database=known.keys_of_database())
    prepare()
    assert known.keys_of_database() == {MARK_KEY: check_value(lost / "keys" / MARK_KEY)}
    rotated = Entry.objects.filter(event="key.rotated")
    assert [entry.content["data"] for entry in rotated] == [{"kind": "mark-master"}]


def test_a_database_of_a_newer_release_is_left_alone(lost: Path) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('watermark', '9999_of_later', now())"
        )
    try:
        with pytest.raises(CommandError, match=r"newer release \(watermark\.9999_of_later"):
            prepare()
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = '9999_of_later'")
