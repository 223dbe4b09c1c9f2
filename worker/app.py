"""The Celery app. Imports no torch, so that the web process can send tasks with it."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synth.conf.settings")

app = Celery("assent")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = ("worker.tasks", "worker.startup")
app.set_default()
