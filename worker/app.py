"""The Celery app. Imports no torch, so that the web process can send tasks with it."""

from __future__ import annotations

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synth.conf.settings")

# Celery warns root at length because a pickled message could run anything; here only JSON is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("assent")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = ("worker.tasks", "worker.startup", "worker.pulse")
app.set_default()
