"""Celery and the cache. The rows in Postgres are the truth; the queue is a wake-up call and may be lost."""

from __future__ import annotations

from celery.schedules import crontab

from synth.conf.env import read

REDIS_URL = read("REDIS_URL") or "redis://localhost:6379/0"
_is_socket = REDIS_URL.startswith(("unix://", "redis+socket://"))
_socket_path = REDIS_URL.split("://", 1)[1] if _is_socket else ""

CELERY_BROKER_URL = f"redis+socket://{_socket_path}" if _is_socket else REDIS_URL
# redis-py and Django spell a socket differently from Celery.
REDIS_CLIENT_URL = f"unix://{_socket_path}" if _is_socket else REDIS_URL

# Longer than any wait for a message (the workers' polls, `synth.common.wakeup`), so that quiet is no fault.
BROKER_SOCKET_TIMEOUT_S = 15

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# What a command prints in a worker is no warning.
CELERY_WORKER_REDIRECT_STDOUTS_LEVEL = "INFO"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
# A killed worker's unacknowledged tasks come back within seconds instead of minutes; a duplicate delivery
# is harmless, since a job is claimed by a conditional UPDATE.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    # A broker that falls silent without closing its connections (a lost host, a firewall that forgets) is
    # noticed by these: without them workers sit on dead sockets until the kernel gives up, minutes later.
    "socket_timeout": BROKER_SOCKET_TIMEOUT_S,
    "socket_connect_timeout": 5,
    "health_check_interval": 5,
}
CELERY_TASK_ROUTES = {
    "speech.*": {"queue": "speech"},
    "checks.*": {"queue": "checks"},
    "upkeep.*": {"queue": "checks"},
}
CELERY_TASK_DEFAULT_QUEUE = "checks"
CELERY_BEAT_SCHEDULE = {
    "verify-log": {"task": "upkeep.verify_log", "schedule": crontab(hour=3, minute=30)},
    "reap-lost-jobs": {"task": "upkeep.reap", "schedule": 5.0, "options": {"expires": 10}},
    "feed-projects": {"task": "upkeep.feed_projects", "schedule": 5.0, "options": {"expires": 10}},
    "sweep-uploads": {"task": "upkeep.sweep_uploads", "schedule": 60.0, "options": {"expires": 60}},
    "expire-consents": {"task": "upkeep.expire_consents", "schedule": 60.0, "options": {"expires": 60}},
}
if read("ASSENT_BACKUP_DIR"):
    CELERY_BEAT_SCHEDULE["backup"] = {"task": "upkeep.backup", "schedule": crontab(hour=2, minute=30)}
if read("ASSENT_WITNESSES"):
    CELERY_BEAT_SCHEDULE["cosign"] = {
        "task": "upkeep.cosign", "schedule": 60.0, "options": {"expires": 60},
    }  # fmt: skip

ASSENT_SPEECH_QUEUE_LIMIT = read("ASSENT_SPEECH_QUEUE_LIMIT")
ASSENT_CHECKS_QUEUE_LIMIT = read("ASSENT_CHECKS_QUEUE_LIMIT")

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_CLIENT_URL,
        "KEY_PREFIX": "assent",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
