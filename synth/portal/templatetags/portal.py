"""Template tags of the shell: icons, badges, and numbers with their units."""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from synth.portal.phrases import phrase

register = template.Library()

# One word, one colour and one icon for each state that a row can be in.
STATES = {
    "queued": (_("Waiting"), "info", "clock"),
    "checking": (_("Being checked"), "info", "clock"),
    "waiting": (_("Waiting"), "info", "clock"),
    "running": (_("Speaking"), "info", "wave"),
    "speaking": (_("Speaking"), "info", "wave"),
    "claimed": (_("Speaking"), "info", "wave"),
    "approved": (_("Approved"), "ok", "check"),
    "active": (_("Consent given"), "ok", "check"),
    "released": (_("Released"), "ok", "check"),
    "completed": (_("Done"), "ok", "check"),
    "done": (_("Done"), "ok", "check"),
    "ready": (_("Ready"), "ok", "check"),
    "incomplete": (_("Some lines failed"), "warn", "alert"),
    "needs_review": (_("A reviewer listens"), "warn", "ear"),
    "suspended": (_("Suspended"), "warn", "alert"),
    "expired": (_("Expired"), "warn", "clock"),
    "rejected": (_("Rejected"), "bad", "x"),
    "refused": (_("Refused"), "bad", "x"),
    "revoked": (_("Revoked"), "bad", "x"),
    "failed": (_("Failed"), "bad", "x"),
    "taken_down": (_("Taken down"), "bad", "x"),
    "consent_revoked": (_("Consent revoked"), "bad", "x"),
    "consent_expired": (_("Consent expired"), "warn", "clock"),
    "voice_suspended": (_("Voice suspended"), "warn", "alert"),
    "deleted": (_("Deleted"), "", "trash"),
    "registered": (_("No consent yet"), "", "minus"),
    "cancelled": (_("Cancelled"), "", "minus"),
    "removed": (_("Removed"), "", "minus"),
}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw the icon `name` from the sprite; decorative (hidden from screen readers) unless `label` is given."""
    href = f"{static('portal/img/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', href)


@register.simple_tag(takes_context=True)
def here(context: template.Context, *prefixes: str) -> SafeString | str:
    """Return `aria-current="page"` when the request's path lies under one of `prefixes` (empty ones never match)."""
    request = context.get("request")
    if request is None:
        return ""
    path, home = request.path, get_script_prefix()
    current = any(
        prefix and (path == prefix or (prefix != home and path.startswith(prefix))) for prefix in prefixes
    )
    return SafeString('aria-current="page"') if current else ""


@register.filter
def number(value: Any, digits: int = 2) -> str:
    """Show a measured number: at most `digits` decimals, no trailing zeros, a dash for what was not measured."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, int | float):
        text = f"{value:.{int(digits)}f}" if isinstance(value, float) else str(value)
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, list | tuple):
        return " – ".join(number(item, digits) for item in value)
    return str(value)


@register.filter
def seconds(duration_ms: Any) -> str:
    """Show milliseconds as seconds with one decimal, e.g. `4.2`."""
    return "–" if duration_ms is None else f"{float(duration_ms) / 1000:.1f}"


@register.filter
def short_hash(value: Any, length: int = 12) -> str:
    """Show the first characters of a digest or identifier."""
    text = value.hex() if isinstance(value, bytes | memoryview) else str(value or "")
    return text if len(text) <= length else f"{text[:length]}…"


@register.filter
def breakable(name: str) -> SafeString:
    """A dotted name of words, which may be broken after each dot and underscore and so never within a word."""
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in re.split(r"(?<=[._])", name)))


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """Look `key` up in a mapping; None when it is absent."""
    try:
        return mapping.get(key)
    except AttributeError:
        return None


@register.simple_tag
def badge(state: str) -> SafeString:
    """Draw a state as a word with a colour and an icon, never as a colour alone."""
    word, kind, icon_name = STATES.get(state, (state, "", ""))
    drawn = icon(icon_name) if icon_name else ""
    return format_html('<span class="badge {}" data-state="{}">{}{}</span>', kind, state, drawn, word)


@register.simple_tag
def say(refusal: Any) -> str:
    """The sentence of a refusal, a gate or a reason in the reader's language.

    Takes an `AssentError`, or a mapping with `code`, `message`, `measured` and `limit`.
    """
    if isinstance(refusal, dict):
        return phrase(
            str(refusal.get("code", "")),
            str(refusal.get("message", "")),
            refusal.get("measured"),
            refusal.get("limit"),
        )
    return phrase(refusal.code, refusal.message, refusal.measured, refusal.limit)


@register.filter
def moment(value: Any) -> SafeString | str:
    """A point in time as a <time> element, which scripts show in the reader's time zone; text is UTC."""
    if isinstance(value, str):
        value = parse_datetime(value)
    if value is None:
        return "–"
    text = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-local>{}</time>',
        text.isoformat(timespec="seconds"),
        f"{text:%Y-%m-%d %H:%M} UTC",
    )


@register.filter(name="json")
def as_json(value: Any) -> str:
    """Compact JSON for a data attribute; the template escapes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
