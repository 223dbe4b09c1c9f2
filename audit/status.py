"""What the log says about itself on the portal's status page."""

from __future__ import annotations

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import guards, keys, selectors, watch
from audit.models import Entry
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


def check_tile() -> StatusTile:
    """The last look at the whole log, and what guards it now; for administrators."""
    result = watch.last()
    unguarded = [*guards.missing(), *guards.left_behind()]
    troubles = list(dict.fromkeys([*(result.sentences if result else []), *unguarded]))
    value = _("Not as it must be") if troubles else _("Whole") if result else _("Not checked yet")
    return StatusTile(
        title=_("Check of the log"),
        value=value,
        detail=troubles[0] if troubles else "",
        state="problem" if troubles else "ok" if result else "unknown",
        facts=(
            (_("Checked"), naturaltime(result.at) if result else _("never")),
            (_("Entries"), str(result.size) if result else "0"),
            *((_("Found"), trouble) for trouble in troubles),
        ),
    )


def backup_tile() -> StatusTile:
    """The last backup that was verified; for administrators."""
    newest = Entry.objects.filter(event__in=("backup.completed", "backup.failed")).order_by("-id").first()
    failed = newest is not None and newest.event == "backup.failed"
    return StatusTile(
        title=_("Backup"),
        value=_("None yet") if newest is None else _("Failed") if failed else naturaltime(newest.created_at),
        detail=_("Set ASSENT_BACKUP_DIR, or run manage.py backup.") if newest is None else "",
        state="note" if newest is None else "problem" if failed else "ok",
    )
