"""The web process. No torch here: whatever computes goes through the queue."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synth.conf.settings")
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from synth.common.bodies import BoundedBodies  # noqa: E402 - settings first
from synth.common.prefix import UnderPath  # noqa: E402

application = UnderPath(BoundedBodies(django_application), settings.FORCE_SCRIPT_NAME or "")
