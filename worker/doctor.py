"""What is installed, active, missing or unprotected here, each with the remedy. Nothing is changed.

Every check is a function that yields findings; one that fails itself becomes a finding too, so that the
list is always complete.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import redis
from celery import current_app
from django.conf import settings
from django.core import checks as django_checks
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from audit import continuity, rights
from audit import keys as log_keys
from audit.models import Checkpoint, Entry
from audit.note import Checkpoint as SignedCheckpoint
from synth.common import wakeup
from synth.local import keys as key_files
from synth.local.programs import QUEUES
from synth.modelstore import store
from worker import engines, inspection

Level = Literal["ok", "note", "warning", "problem"]
LEAST_FREE_BYTES = 2 * 2**30
LATE_ENTRIES_S = 60


@dataclass(frozen=True)
class Finding:
    """One line. A "problem" keeps the service from its work, a "warning" leaves something unprotected."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


Check = Callable[[], Iterator[Finding]]


def examine() -> Iterator[Finding]:
    """All findings, in the order of a first look: machine, models, servers, secrets, log, workers."""
    for check in CHECKS:
        try:
            yield from check()
        except DatabaseError as error:
            yield Finding(
                "problem",
                check.__name__,
                f"needs the database: {str(error).strip().splitlines()[0]}",
                "make up",
            )
        except Exception as error:  # noqa: BLE001 - a broken check must not hide the others
            yield Finding(
                "problem", check.__name__, f"could not be looked at: {type(error).__name__}: {error}"
            )


def python() -> Iterator[Finding]:
    version = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("ok", "python", f"{version}, {os.cpu_count()} cores")
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["worker"]]
    wrong = [text for text in map(_differs, lines) if text]
    if wrong:
        yield Finding("warning", "packages", "not as pinned: " + ", ".join(wrong), "make setup")
    else:
        yield Finding("ok", "packages", f"{len(lines)} packages as pinned")


def _differs(requirement: str) -> str | None:
    """What is installed instead of ``name[extra]==version``, or None when it is that."""
    name, _, version = requirement.partition("==")
    try:
        installed = metadata.version(name.split("[")[0])
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    # torch's local part ("+cpu") names how the same version was built
    return None if installed.partition("+")[0] == version else f"{name} {installed} instead of {version}"


def device() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        yield Finding(
            "note", "device", "torch is not installed: this process cannot speak, mark or check", "make setup"
        )
        return
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        yield Finding(
            "ok", "device", f"{card.name}, {card.total_memory / 2**30:.0f} GiB; torch {torch.__version__}"
        )
    elif settings.ASSENT_DEVICE.startswith("cuda"):
        text = f"ASSENT_DEVICE={settings.ASSENT_DEVICE}, but torch {torch.__version__} sees no CUDA device"
        yield Finding(
            "problem",
            "device",
            text,
            "install the driver and a CUDA build of torch, or set ASSENT_DEVICE=auto",
        )
    else:
        yield Finding("ok", "device", f"CPU, {memory:.0f} GiB of memory; torch {torch.__version__}")


def programs() -> Iterator[Finding]:
    wanted = {
        "flite": "clear English preview speech",
        "espeak-ng": "preview speech in other languages",
        "ffmpeg": "uploads in webm, m4a and other containers",
    }
    for name, use in wanted.items():
        path = shutil.which(name)
        if path is None:
            yield Finding("note", name, f"not installed: no {use}", f"Debian: apt install {name}")
            continue
        answer = subprocess.run(
            [path, "-version" if name == "ffmpeg" else "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        version = re.search(r"\d+\.\d\S*", (answer.stdout or answer.stderr).partition("(http")[0])
        yield Finding("ok", name, f"{path} ({version[0] if version else 'version unknown'}): {use}")


def engine() -> Iterator[Finding]:
    for row in engines.status(
        settings.ASSENT_ENGINE, models_dir=settings.ASSENT_MODELS_DIR, mode=settings.ASSENT_ENGINE_MODE
    ):
        if row.active and not row.available:
            yield Finding(
                "problem", "engine", f"{row.name} is chosen and cannot run: {row.summary}", row.mend
            )
        elif row.active:
            yield Finding("ok", "engine", f"{row.name} speaks: {row.summary}", row.mend)
        else:
            yield Finding("note", "engine", f"{row.name} is not active: {row.summary}", row.mend)


def gates() -> Iterator[Finding]:
    if inspection.speaker_weights():
        yield Finding("ok", "gates", "the speaker model's weights are here and whole")
    else:
        text = "no speaker model: every consent recording waits for a reviewer"
        yield Finding("warning", "gates", text, "manage.py models fetch speaker")
    for module, use in (("silero_vad", "finding speech"), ("pocketsphinx", "hearing the challenge words")):
        if importlib.util.find_spec(module) is None:
            yield Finding("warning", "gates", f"{module} is missing: no {use} in this process", "make setup")


def models() -> Iterator[Finding]:
    """Every model file, with its licence and whose work it is."""
    for state in store.states(settings.ASSENT_MODELS_DIR):
        model = state.model
        about = f"{model.title}: {model.used_for}; {model.licence}; {model.notice}"
        if state.state in ("complete", "partial"):
            lacking = (
                f"; {len(state.missing)} of its {len(model.files)} files are missing" if state.missing else ""
            )
            remedy = f"manage.py models fetch {model.name}" if state.missing else ""
            yield Finding("ok", model.name, about + lacking, remedy)
        else:
            level: Level = "warning" if model.default else "note"
            text = f"{state.state}: {model.without}"
            yield Finding(level, model.name, text, f"manage.py models fetch {model.name}")


def marks() -> Iterator[Finding]:
    yield Finding("ok", "mark", "the keyed mark is on; it has no switch")
    if importlib.util.find_spec("torch") is None:
        return
    public = inspection.public_mark_checkpoint()
    if public:
        yield Finding("ok", "mark", f"AudioSeal's layer is on: {public}")
    else:
        text = "AudioSeal's layer is off: no checkpoint"
        yield Finding("warning", "mark", text, "set ASSENT_AUDIOSEAL_CHECKPOINT")


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


def storage() -> Iterator[Finding]:
    data = Path(settings.ASSENT_DATA_DIR)
    if not os.access(data, os.W_OK | os.X_OK):
        yield Finding(
            "problem", "storage", f"{data} cannot be written", "check its owner, or set ASSENT_DATA_DIR"
        )
        return
    free = shutil.disk_usage(data).free
    level: Level = "ok" if free > LEAST_FREE_BYTES else "warning"
    yield Finding(
        level,
        "storage",
        f"{data}, {free / 2**30:.1f} GiB free",
        "" if level == "ok" else "make room on this disk",
    )
    media = Path(settings.MEDIA_ROOT)
    if media.exists() and media.stat().st_mode & 0o007:
        yield Finding(
            "warning", "storage", f"{media} is open to every user of this machine", f"chmod 700 {media}"
        )


def keys() -> Iterator[Finding]:
    folder = Path(settings.ASSENT_KEYS_DIR)
    for name, purpose in key_files.KEY_PURPOSES.items():
        path = folder / name
        if not path.exists():
            yield Finding(
                "problem",
                "keys",
                f"{path} is missing: {purpose}",
                f"restore it from your backup; only if it is lost for good: manage.py keys --replace {name}",
            )
            continue
        if not os.access(path, os.R_OK):
            yield Finding("note", "keys", f"{name} is not readable by this process")
            continue
        key_files.read_key(path)
        trouble = key_files.key_file_trouble(path)
        if trouble:
            yield Finding("problem", "keys", trouble, "the next start is refused until then")
        else:
            yield Finding("ok", "keys", f"{name}: {purpose}")
    yield Finding(
        "note",
        "keys",
        "only you know whether they are backed up",
        f"copy {folder} somewhere else, secret and apart from the database",
    )


def log() -> Iterator[Finding]:
    verifier = log_keys.verifier()
    held = log_keys.checkpoint_file().read()
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None and held is None:
        yield Finding("note", "log", f"no checkpoint yet; key {verifier.vkey}")
    elif held is None:
        text = "the copy of the last checkpoint outside the database is missing"
        yield Finding(
            "problem", "log", text, "restore it, or manage.py audit_sequencer --adopt after checking the log"
        )
    else:
        outside = SignedCheckpoint.open(held, verifier)
        interruption = continuity.interruption()
        if interruption:
            yield Finding("problem", "log", interruption, "manage.py audit recover tells the ways on")
        else:
            yield Finding("ok", "log", f"checkpoint of {outside.size} entries, signed; key {verifier.vkey}")
    late = Entry.objects.filter(leaf=None, created_at__lt=timezone.now() - timedelta(seconds=LATE_ENTRIES_S))
    if late.exists():
        text = f"{late.count()} entries have waited more than {LATE_ENTRIES_S} s for the sequencer"
        yield Finding("problem", "log", text, "start it (make up, or manage.py sequencer) and read its log")


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


CHECKS: tuple[Check, ...] = (
    python, device, programs, models, engine, gates, marks,
    database, broker, storage, keys, log, workers, web, django,
)  # fmt: skip
