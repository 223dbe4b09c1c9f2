"""What administrators see of the processes on the status page."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from synth.local import pulse
from synth.portal.status import StatusTile


def processes_tile() -> StatusTile:
    """Which processes have been well within the last minute, and which have fallen silent; for administrators."""
    ages = pulse.ages_s(Path(settings.ASSENT_DATA_DIR))
    silent = [name for name, age_s in ages.items() if age_s > pulse.STALE_AFTER_S]
    return StatusTile(
        title=_("Processes"),
        value=_("No answer") if silent or not ages else _("All well"),
        detail=", ".join(silent),
        state="unknown" if not ages else "problem" if silent else "ok",
        facts=tuple((name, _("%(seconds)d s ago") % {"seconds": age_s}) for name, age_s in ages.items()),
    )
