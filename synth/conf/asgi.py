"""The web process. No torch here: whatever computes goes through the queue."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synth.conf.settings")
application = get_asgi_application()
