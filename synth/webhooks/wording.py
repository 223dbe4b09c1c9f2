"""What pages call events and failures."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

EVENT_LABELS = {
    "job.released": _("Speech was released"),
    "job.failed": _("Speech failed"),
    "job.cancelled": _("Speech was cancelled"),
    "consent.approved": _("A consent was approved"),
    "consent.refused": _("A consent recording was refused"),
    "consent.revoked": _("A consent was revoked"),
    "consent.expired": _("A consent expired"),
    "consent.expiring": _("A consent expires soon"),
    "verdict.finished": _("A check that asked for it has its verdict"),
    "webhook.test": _("Test"),
}
FAILURES = {
    "status": _("it answered with an error"),
    "redirect": _("it answered with a redirect, which is not followed"),
    "gone": _("it answered that it is gone"),
    "timeout": _("it did not answer in time"),
    "connection_failed": _("no connection"),
    "tls_failed": _("its certificate was not accepted"),
    "name_unknown": _("its name has no address"),
    "address_forbidden": _("its name leads to an address that webhooks do not go to"),
    "secret_lost": _("its secret has to be replaced"),
    "disabled": _("the webhook was switched off"),
}
