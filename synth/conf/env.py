"""Every environment name that the service reads, typed and explained once.

`docs/environment.md` is rendered from this table (`manage.py doctor --environment`), and settings read
nothing from the environment except through `read`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


@dataclass(frozen=True)
class Name:
    """One environment name: its type, its default and what it does."""

    name: str
    kind: type
    default: Any
    help: str
    secret: bool = False


TABLE: tuple[Name, ...] = (
    Name("ASSENT_DATA_DIR", str, "", "Folder for media, keys, logs and embedded servers. Default: var/ beside manage.py."),
    Name("ASSENT_BASE_URL", str, "http://localhost:8000", "Public address of the portal, used in links and receipts."),
    Name("ASSENT_ALLOWED_HOSTS", str, "", "Further host names that may be used, separated by commas."),
    Name("ASSENT_LISTEN", str, "", "Address the web process listens on; `make up` and `manage.py web` set it. Beyond this machine, its own names are not answered to."),
    Name("ASSENT_DEBUG", bool, False, "Django's debug pages. Never in production."),
    Name("ASSENT_OPERATOR", str, "Assent (self-hosted)", "Name of whoever runs this service: on receipts and in file labels."),
    Name("ASSENT_CONTENT_PRODUCER", str, "", "ContentProducer code of the AIGC label. Default: ASSENT_OPERATOR."),
    Name("ASSENT_CREDENTIALS_KEY", str, "", "PEM file of an EC P-256 key that signs Content Credentials in place of the installation's own.", secret=True),
    Name("ASSENT_CREDENTIALS_CHAIN", str, "", "PEM file of that key's certificates, its own first, the root last."),
    Name("ASSENT_CREDENTIALS_TRUST", str, "", "PEM file of further roots whose Content Credentials are called trusted."),
    Name("ASSENT_TIMESTAMP_URL", str, "", "RFC 3161 service that stamps Content Credentials. Unset: no stamp, and nothing is asked."),
    Name("ASSENT_PROFILE", str, "none", "Rules that the service follows: none, or eu, cn, in, kr, us-ca, several separated by commas (docs/conformity.md)."),
    Name("ASSENT_NOTICE", str, "", "Heard notice where no rule of the organisation says otherwise: none, spoken or rhythm. Default: spoken where the profile asks for one, else none."),
    Name("ASSENT_RETENTION", str, "", "Days for which kinds of record are kept, as outputs=365, reports=30; 0 is until erased (docs/conformity.md)."),
    Name("ASSENT_SIGNUP_OPEN", bool, True, "Whether anybody may create an account; otherwise by invitation only."),
    Name("DATABASE_URL", str, "", "PostgreSQL of the application role. Unset: `make up` starts an embedded one.", secret=True),
    Name("DATABASE_OWNER_URL", str, "", "The role that owns the tables and migrates. Default: DATABASE_URL.", secret=True),
    Name("DATABASE_SEQUENCER_URL", str, "", "The role of the log's sequencer. Default: DATABASE_URL.", secret=True),
    Name("REDIS_URL", str, "", "Valkey or Redis: broker, wake-up calls, rate limits. Unset: `make up` starts one.", secret=True),
    Name("EMAIL_URL", str, "", "Mail server, smtp+tls://user:password@host:port. Unset: mail is kept for administrators.", secret=True),
    Name("DEFAULT_FROM_EMAIL", str, "assent@localhost", "Sender of the service's mail."),
    Name("ASSENT_SECRET_KEY", str, "", "Django's signing secret. Default: keys/django-secret.key.", secret=True),
    Name("ASSENT_KEYS_DIR", str, "", "Folder of the key files. Default: keys/ in the data folder."),
    Name("ASSENT_MODELS_DIR", str, "", "Folder of model weights. Default: models/ in the data folder."),
    Name("ASSENT_MODELS", str, "default", "Model files that the set-up fetches: default, none, or names (`manage.py models list`)."),
    Name("ASSENT_MODELS_MIRROR", str, "", "Address of a copy of a models folder, where the set-up looks first."),
    Name("ASSENT_ENGINE", str, "auto", "auto, gpt-sovits, kokoro or preview."),
    Name("ASSENT_ENGINE_MODE", str, "auto", "fp32 (as the original), fast (int8 and bfloat16) or auto (fast where the processor multiplies in bfloat16), for GPT-SoVITS."),
    Name("ASSENT_SECOND_WITNESS", bool, False, "Whether a second recogniser also decides about English statements: what only one of the two hears goes to a reviewer. How often it sends genuine statements there is not measured yet."),
    Name("ASSENT_SPOKEN_CHECK", bool, True, "Whether the recogniser listens to what was spoken: words that are missing, word times. It takes 370 MB and some processor time."),
    Name("ASSENT_DEVICE", str, "auto", "auto, cpu or cuda[:n], for the speech worker."),
    Name("ASSENT_AUDIOSEAL_CHECKPOINT", str, "", "Folder or file of an AudioSeal checkpoint that replaces the bundled one."),
    Name("ASSENT_MARK_EPOCH_MINUTES", int, 60, "Minutes of audio marked under one epoch key before the next epoch begins."),
    Name("ASSENT_LOG_ORIGIN", str, "", "Origin line of the log's checkpoints. Default: host of ASSENT_BASE_URL + /log."),
    Name("ASSENT_WITNESSES", str, "", "Witnesses of the log, divided by commas, each as `VKEY URL` (docs/audit.md). Every minute the newest checkpoint is sent to them."),
    Name("ASSENT_WITNESS_QUORUM", int, 0, "How many of them are to have signed the checkpoint that a proof is given under, where one reaches the entry."),
    Name("ASSENT_SPEECH_QUEUE_LIMIT", int, 200, "Jobs waiting at most; more are refused with queue_full."),
    Name("ASSENT_CHECKS_QUEUE_LIMIT", int, 64, "Verifications and consent checks waiting at most; more are refused with 503."),
    Name("ASSENT_VERIFY_RATE", str, "20/minute", "Public verifications per address."),
    Name("ASSENT_VERIFY_ACCOUNT_RATE", str, "200/minute", "Files verified per key or person that is known."),
    Name("ASSENT_WEBHOOKS_ANYWHERE", bool, False, "Development: webhooks may go to http and to addresses of this machine and network. Never in production."),
    Name("ASSENT_TRUST_PROXY", int, 0, "How many trusted proxies stand in front (1 behind nginx, 2 behind a CDN and nginx). Their X-Forwarded-For and X-Forwarded-Proto count then."),
    Name("ASSENT_BACKUP_DIR", str, "", "Folder into which a backup is written every night at 02:30 UTC. Unset: none is."),
    Name("ASSENT_BACKUP_PASSPHRASE", str, "", "Passphrase under which backups keep the keys (12 characters or more). Keep it elsewhere too.", secret=True),
    Name("ASSENT_BACKUP_KEEP", int, 7, "How many of the nightly backups are kept."),
    Name("DATABASE_ADMIN_URL", str, "", "An administrator's connection, for `manage.py roles` alone.", secret=True),
    Name("ASSENT_POSTGRES_BIN", str, "", "Folder of another PostgreSQL's programs for the embedded server."),
    Name("ASSENT_VALKEY_BIN", str, "", "Another Valkey or Redis server program for the embedded one."),
    Name("ASSENT_LOG_LEVEL", str, "INFO", "Level of the process logs."),
    Name("ASSENT_LOG_FORMAT", str, "line", "line (for people) or json (one object a line, with request, task and row)."),
    Name("ASSENT_METRICS_TOKEN", str, "", "Token with which a monitoring system reads /metrics (Authorization: Bearer). Unset: there is no such page.", secret=True),
)  # fmt: skip

_BY_NAME = {row.name: row for row in TABLE}


class BadEnvironment(RuntimeError):
    """A value in the environment cannot be read as its type; the sentence names both."""


def read(name: str, environ: dict[str, str] | None = None) -> Any:
    """Value of ``name`` as its declared type; the declared default where unset or empty."""
    row = _BY_NAME[name]
    raw = (os.environ if environ is None else environ).get(name, "").strip()
    if raw == "":
        return row.default
    if row.kind is bool:
        if raw.lower() in _TRUE | _FALSE:
            return raw.lower() in _TRUE
        raise BadEnvironment(f"{name}={raw!r} is not a yes or no (use 1 or 0).")
    if row.kind is int:
        words = {
            **dict.fromkeys(_TRUE, 1),
            **dict.fromkeys(_FALSE, 0),
        }  # a count of one or none, as a yes or no
        try:
            number = words[raw.lower()] if raw.lower() in words else int(raw)
        except ValueError:
            raise BadEnvironment(f"{name}={raw!r} is not a whole number.") from None
        if number < 0:
            raise BadEnvironment(f"{name}={raw!r} is below zero.")
        return number
    return raw
