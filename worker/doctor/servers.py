"""Servers and processes: database, broker, workers, web."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import redis
from celery import current_app
from django.conf import settings
from django.core import checks as django_checks
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from audit import rights
from synth.common import wakeup
from synth.local.programs import QUEUES
from worker.doctor.finding import Finding, Level


def database() -> Iterator[Finding]:
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_user,"
            " current_setting('max_connections'), now()"
        )
        version, user, limit, server_time = cursor.fetchone()
    yield Finding("ok", "database", f"PostgreSQL {version} as {user}, {limit} connections at most")
    drift_s = abs((timezone.now() - server_time).total_seconds())
    if drift_s > 5:
        yield Finding(
            "warning",
            "clock",
            f"this machine and the database differ by {drift_s:.0f} s",
            "set the clocks by NTP",
        )
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Finding(
            "problem",
            "migrations",
            f"{len(missing)} not applied, first {missing[0][0]}",
            "manage.py migrate --database owner",
        )
        return
    if rights.separated(connection):
        yield Finding("ok", "log rights", "the application can add to the log and read it, nothing else")
    else:
        text = f"{user} can change the log's tables: only triggers protect it"
        yield Finding(
            "warning",
            "log rights",
            text,
            "manage.py roles, then set DATABASE_URL, _OWNER_URL and _SEQUENCER_URL",
        )


def broker() -> Iterator[Finding]:
    client = wakeup.client()
    try:
        facts = client.info("server")
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
    except redis.RedisError as error:
        yield Finding("problem", "broker", f"not reached: {error}", "make up, or set REDIS_URL")
        return
    version = facts.get("valkey_version") or facts.get("redis_version")
    waiting = ", ".join(f"{queue} {client.llen(queue)}" for queue in QUEUES)
    yield Finding("ok", "broker", f"{facts.get('server_name', 'redis')} {version}; waiting: {waiting}")
    if policy not in (None, "noeviction"):
        text = (
            f"maxmemory-policy is {policy}: a full server forgets tasks (they are queued again from the rows)"
        )
        yield Finding("warning", "broker", text, "set maxmemory-policy noeviction")


def workers() -> Iterator[Finding]:
    answers = current_app.control.ping(timeout=2.0) or []
    alive = {name.split("@")[0] for answer in answers for name in answer}
    for queue in QUEUES:
        if queue in alive:
            yield Finding("ok", "workers", f"{queue} answers")
        else:
            yield Finding(
                "problem",
                "workers",
                f"no worker answers for {queue}",
                f"make up, or manage.py worker {queue}",
            )


def web() -> Iterator[Finding]:
    base = urlsplit(settings.ASSENT_BASE_URL)
    yield Finding("ok", "web", f"links point to {settings.ASSENT_BASE_URL}")
    if base.scheme != "https" and base.hostname != "localhost":
        text = "without HTTPS browsers open neither the microphone nor passkeys"
        yield Finding(
            "warning", "web", text, "make up TLS=cert.pem,key.pem, or a proxy with HTTPS and ASSENT_BASE_URL"
        )
    if settings.DEBUG:
        yield Finding("warning", "web", "ASSENT_DEBUG is on: error pages show internals", "unset it")
    if not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        yield Finding("problem", "web", "static files are not collected", "manage.py prepare")
    if settings.EMAIL_BACKEND.endswith("OutboundMailBackend"):
        yield Finding(
            "note", "mail", "no mail server: mail is kept on the administrators' page", "set EMAIL_URL"
        )


def django() -> Iterator[Finding]:
    """What the rooms' own system checks say."""
    for message in django_checks.run_checks(databases=["default"]):
        level: Level = "problem" if message.is_serious() else "warning"
        yield Finding(level, message.id or "check", str(message.msg), str(message.hint or ""))
