"""The web process. No torch here: whatever computes goes through the queue."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synth.conf.settings")
django_application = get_asgi_application()

from synth.common.bodies import BoundedBodies  # noqa: E402 - settings first

application = BoundedBodies(django_application)
