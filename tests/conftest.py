"""What every test stands on: a database with the real roles, and a strict mode that allows no skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg2
import pytest

# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")

pytest_plugins = ["tests.promises"]
ALIASES = ("default", "owner", "sequencer")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of a GPU belong to machines that have one; elsewhere they are not selected, rather than skipped."""
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if not wanting:
        return
    import torch

    if not torch.cuda.is_available():
        items[:] = [item for item in items if item not in wanting]
        config.hook.pytest_deselected(items=wanting)


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    if os.environ.get("ASSENT_STRICT") == "1" and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("STRICT: a skipped test is a failed run", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        os.environ.get("ASSENT_STRICT") == "1"
        and reporter
        and reporter.stats.get("skipped")
        and not exitstatus
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _superuser(dbname: str) -> Any:
    """Connection of the role that may make databases; autocommit."""
    from django.conf import settings

    url = os.environ.get("DATABASE_SUPERUSER_URL") or os.environ.get("DATABASE_OWNER_URL")
    if url:
        import dj_database_url

        row = dj_database_url.parse(url)
    else:
        row = settings.DATABASES["owner"]
    options = {
        "host": row.get("HOST") or row.get("OPTIONS", {}).get("host"),
        "port": row.get("PORT") or None,
        "user": row.get("USER") or None,
        "password": row.get("PASSWORD") or None,
        "dbname": dbname,
    }
    connection = psycopg2.connect(**{key: value for key, value in options.items() if value})
    connection.autocommit = True
    return connection


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """A fresh database, migrated by its owner; the application's role connects as in production.

    Django's own set-up would migrate as the application and flush with TRUNCATE, which the log forbids.
    """
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    from synth.local.roles import grant_roles

    name = f"test_assent_{os.getpid()}"
    owner = settings.DATABASES["owner"]["USER"]
    with django_db_blocker.unblock():
        admin = _superuser("postgres")
        with admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            cursor.execute(f'CREATE DATABASE {name} OWNER "{owner}"')
        inside = _superuser(name)
        grant_roles(inside)
        inside.close()
        for alias in ALIASES:
            connections[alias].close()
            settings.DATABASES[alias]["NAME"] = name
            connections[alias].settings_dict["NAME"] = name
        call_command("migrate", database="owner", verbosity=0)
        _allow_flush(django_db_blocker)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        with admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.close()


def _allow_flush(django_db_blocker: Any) -> None:
    """Let `transaction=True` tests clean up: the owner empties the tables, with the log's triggers off.

    Only tables that hold rows are touched, and by DELETE: emptying all of them makes some hundred new files.
    """
    from django.db import connections
    from django.test import TransactionTestCase

    tables: list[str] = []
    guards: dict[str, list[str]] = {}
    sequences: dict[str, list[str]] = {}

    def look(cursor: Any) -> None:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname <> 'django_migrations'"
            " AND c.relname NOT IN ('django_content_type', 'auth_permission')"
        )
        tables.extend(row[0] for row in cursor.fetchall())
        cursor.execute(
            "SELECT c.relname, t.tgname, t.tgenabled = 'A' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND c.relname = ANY(%s)",
            [tables],
        )
        for table, trigger, is_always in cursor.fetchall():
            guards.setdefault(table, []).extend([trigger] if is_always else [])
        cursor.execute(
            "SELECT t.relname, s.relname FROM pg_class s"
            " JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
            " JOIN pg_class t ON t.oid = d.refobjid WHERE s.relkind = 'S' AND t.relname = ANY(%s)",
            [tables],
        )
        for table, sequence in cursor.fetchall():
            sequences.setdefault(table, []).append(sequence)

    def teardown(self: Any) -> None:
        assert connections["owner"].settings_dict["NAME"].startswith("test_")
        connections["owner"].close()
        with connections["owner"].cursor() as cursor:
            if not tables:
                look(cursor)
            held = " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in tables
            )
            cursor.execute(held)
            full = [row[0] for row in cursor.fetchall()]
            guarded = [table for table in full if table in guards]
            off = [f'ALTER TABLE "{table}" DISABLE TRIGGER USER' for table in guarded]
            empty = [f'DELETE FROM "{table}"' for table in full]
            restart = [
                f'ALTER SEQUENCE "{name}" RESTART' for table in full for name in sequences.get(table, ())
            ]
            on = [
                line
                for table in guarded
                for line in (
                    f'ALTER TABLE "{table}" ENABLE TRIGGER USER',
                    *(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{name}"' for name in guards[table]),
                )
            ]
            for statements in (off, ["BEGIN", *empty, "COMMIT"], restart + on):
                if full and statements:
                    cursor.execute("; ".join(statements))
            # What a test took away was put back over rows that may have broken it.
            cursor.execute(
                "SELECT conrelid::regclass, quote_ident(conname) FROM pg_constraint"
                " WHERE contype = 'c' AND NOT convalidated"
            )
            for table, constraint in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")
        connections["owner"].close()

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _media_in_tmp(tmp_path: Any, settings: Any) -> None:
    """Each test keeps its files in its own folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        },
    }
