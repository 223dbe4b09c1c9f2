"""What the log says about itself on the portal's status page."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import keys, selectors
from synth.errors import Unavailable
from synth.portal.status import StatusTile


def log_tile() -> StatusTile:
    """Size of the signed log, and whether the sequencer keeps up."""
    status = selectors.log_status()
    try:
        key = keys.verifier().key_id.hex()
    except Unavailable:
        key = ""
    return StatusTile(
        title=_("Log"),
        value=ngettext("%(size)d entry signed", "%(size)d entries signed", status.size)
        % {"size": status.size},
        detail=""
        if status.keeps_up
        else ngettext(
            "%(count)d entry waits for the sequencer.",
            "%(count)d entries wait for the sequencer.",
            status.waiting,
        )
        % {"count": status.waiting},
        state="ok" if status.keeps_up and key else "problem",
        url=reverse("audit:log"),
        facts=(
            (_("Origin"), settings.ASSENT_ORIGIN),
            (_("Key"), key or _("missing")),
            (_("Waiting"), str(status.waiting)),
        ),
    )
