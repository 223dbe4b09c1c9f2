"""Django settings, one file per concern."""

from synth.conf.settings.api import *  # noqa: F403
from synth.conf.settings.auth import *  # noqa: F403
from synth.conf.settings.base import *  # noqa: F403
from synth.conf.settings.database import *  # noqa: F403
from synth.conf.settings.logging import *  # noqa: F403
from synth.conf.settings.queue import *  # noqa: F403
from synth.conf.settings.security import *  # noqa: F403
