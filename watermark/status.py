"""What the mark's room says on the home and status pages."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from synth.portal.status import StatusTile
from watermark.models import Mark, MarkEpoch


def mark_tile() -> StatusTile:
    """Which marks go into every file."""
    keyed = (settings.ASSENT_KEYS_DIR / "mark-master.key").exists()
    epoch = MarkEpoch.objects.filter(closed_at__isnull=True).first()
    issued = Mark.objects.filter(state=Mark.State.ISSUED).count()
    last = Mark.objects.filter(state=Mark.State.ISSUED).order_by("-issued_at").first()
    layers = ", ".join(last.layers) if last else _("known after the first file")
    return StatusTile(
        title=_("Mark"),
        value=_("On, cannot be switched off") if keyed else _("No key"),
        detail=ngettext("%(count)d file issued", "%(count)d files issued", issued) % {"count": issued},
        state="ok" if keyed else "problem",
        url=reverse("watermark:verify"),
        facts=(
            (_("Layers in the last file"), layers),
            (_("Key epoch"), epoch.name if epoch else _("opens with the first file")),
            (_("Files issued"), str(issued)),
        ),
    )
