"""Folders, installed rooms, templates, languages, files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from synth.conf.env import read

BASE_DIR = Path(__file__).resolve().parents[3]
ASSENT_DATA_DIR = Path(read("ASSENT_DATA_DIR") or BASE_DIR / "var").resolve()
ASSENT_KEYS_DIR = Path(read("ASSENT_KEYS_DIR") or ASSENT_DATA_DIR / "keys").resolve()
ASSENT_MODELS_DIR = Path(read("ASSENT_MODELS_DIR") or ASSENT_DATA_DIR / "models").resolve()

ASSENT_BASE_URL = read("ASSENT_BASE_URL").rstrip("/")
# Below a path: https://example.org/assent
URL_PREFIX = urlsplit(ASSENT_BASE_URL).path.rstrip("/")
FORCE_SCRIPT_NAME = URL_PREFIX or None
ASSENT_OPERATOR = read("ASSENT_OPERATOR")
ASSENT_CONTENT_PRODUCER = read("ASSENT_CONTENT_PRODUCER") or ASSENT_OPERATOR
ASSENT_CREDENTIALS_KEY = read("ASSENT_CREDENTIALS_KEY")
ASSENT_CREDENTIALS_CHAIN = read("ASSENT_CREDENTIALS_CHAIN")
ASSENT_CREDENTIALS_TRUST = read("ASSENT_CREDENTIALS_TRUST")
ASSENT_TIMESTAMP_URL = read("ASSENT_TIMESTAMP_URL")
ASSENT_PROFILE = read("ASSENT_PROFILE")
ASSENT_NOTICE = read("ASSENT_NOTICE")
ASSENT_RETENTION = read("ASSENT_RETENTION")
ASSENT_SIGNUP_OPEN = read("ASSENT_SIGNUP_OPEN")
ASSENT_ENGINE = read("ASSENT_ENGINE")
ASSENT_ENGINE_MODE = read("ASSENT_ENGINE_MODE")
ASSENT_SECOND_WITNESS = read("ASSENT_SECOND_WITNESS")
ASSENT_SPOKEN_CHECK = read("ASSENT_SPOKEN_CHECK")
ASSENT_DEVICE = read("ASSENT_DEVICE")
ASSENT_AUDIOSEAL_CHECKPOINT = read("ASSENT_AUDIOSEAL_CHECKPOINT")
ASSENT_MARK_EPOCH_MINUTES = read("ASSENT_MARK_EPOCH_MINUTES")
ASSENT_ORIGIN = read("ASSENT_LOG_ORIGIN") or f"{urlsplit(ASSENT_BASE_URL).hostname}/log"
ASSENT_WITNESSES = read("ASSENT_WITNESSES")
ASSENT_WITNESS_QUORUM = read("ASSENT_WITNESS_QUORUM")
ASSENT_WEBHOOKS_ANYWHERE = read("ASSENT_WEBHOOKS_ANYWHERE")
ASSENT_VERIFY_RATE = read("ASSENT_VERIFY_RATE")
ASSENT_VERIFY_ACCOUNT_RATE = read("ASSENT_VERIFY_ACCOUNT_RATE")

ASSENT_BACKUP_DIR = read("ASSENT_BACKUP_DIR")
ASSENT_BACKUP_PASSPHRASE = read("ASSENT_BACKUP_PASSPHRASE")
ASSENT_BACKUP_KEEP = read("ASSENT_BACKUP_KEEP")
ASSENT_METRICS_TOKEN = read("ASSENT_METRICS_TOKEN")

DEBUG = read("ASSENT_DEBUG")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    # Before allauth, whose templates it restyles.
    "synth.portal",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "synth.common",
    "audit",
    "accounts",
    "watermark",
    "synth.jobs",
    "synth.webhooks",
    "synth.projects",
    "synth.rights",
    "worker",
    "synth.conf",
]

ROOT_URLCONF = "synth.conf.urls"
ASGI_APPLICATION = "synth.conf.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "synth.portal.context.portal",
                "accounts.consent.context.membership",
                "watermark.context.drop_zone",
            ],
        },
    },
]

# What the home and status pages say, in this order: functions that return a synth.portal.status.StatusTile.
PORTAL_TILES = ["synth.jobs.engine_status.engine_tile", "watermark.status.mark_tile", "audit.status.log_tile"]
# What administrators see besides on the status page.
PORTAL_OPERATOR_TILES = [
    "audit.status.check_tile",
    "audit.status.backup_tile",
    "synth.jobs.process_status.processes_tile",
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = f"{URL_PREFIX}/static/"
STATIC_ROOT = ASSENT_DATA_DIR / "static"
MEDIA_ROOT = ASSENT_DATA_DIR / "media"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        # Voices are private: nothing under media is served by path, and only this account reads it.
        "OPTIONS": {
            "location": MEDIA_ROOT,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
