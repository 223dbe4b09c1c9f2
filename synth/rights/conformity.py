"""The table of `synth.law` for readers: the chosen profiles, their requirements, and where the evidence is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.events import EVENTS
from synth.law import profiles
from synth.law.profiles import Evidence

STATES: dict[str, Promise] = {
    "met": _("met here"),
    "part": _("met in part"),
    "operator": _("the operator's own task"),
}
OFF_BY: dict[str, Promise] = {
    "anybody": _("whoever asks for the speech"),
    "owner": _("the organisation's owner, with a reason"),
    "nobody": _("nobody"),
}


def shown(language: str) -> dict[str, Any]:
    """What the page shows, in a language ("en", "zh-hans")."""
    rules = profiles.rules(settings.ASSENT_PROFILE)
    rows = profiles.asked_by(rules.profiles) if rules.profiles else list(profiles.requirements())
    return {
        "rules": rules,
        "profiles": [(name, profiles.title(name, language)) for name in (rules.profiles or profiles.names())],
        "off_by": OFF_BY[rules.notice_off_by],
        "requirements": [
            {
                "row": row,
                "asks": profiles.in_language(row.asks, language),
                "met": profiles.in_language(row.met, language),
                "state": STATES[row.state],
                "profiles": [name for name in row.profiles if not rules.profiles or name in rules.profiles],
                "evidence": [_evidence(one, language) for one in row.evidence],
            }
            for row in rows
        ],
        "retention": _retention(rules, language),
    }


def _retention(rules: profiles.Rules, language: str) -> list[dict[str, Any]]:
    days = profiles.retention_days(settings.ASSENT_RETENTION)
    return [
        {
            "title": profiles.in_language(kind.title, language),
            "days": days[kind.code],
            "least": rules.retention[kind.code][0],
            "greatest": rules.retention[kind.code][1],
        }
        for kind in profiles.kinds_kept()
    ]


def _evidence(one: Evidence, language: str) -> dict[str, str]:
    """Its name, and a link where there is a page for it."""
    text, link = one.name, ""
    if one.kind == "event":
        text, link = EVENTS[one.name].sentence(language), f"{reverse('audit:log')}?event={one.name}"
    elif one.kind == "page":
        try:
            link = reverse(one.name)
        except NoReverseMatch:
            link = ""
    elif one.kind == "setting":
        text = f"{one.name}={getattr(settings, one.name, '') or '–'}"
    return {"kind": one.kind, "text": text, "link": link}
