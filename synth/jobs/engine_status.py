"""What this room says on the home and status pages: which engine speaks.

The engine lives in the speech worker, and the web process must not load it to ask. The worker publishes what it
chose; a job that was released lately says the same.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from synth.jobs.models import JobState, SynthesisJob
from synth.jobs.selectors import waiting_count
from synth.portal.status import StatusTile

CACHE_KEY = "speech-engine"

INSTALLING = "manage.py models fetch --mirror URL · manage.py models add FOLDER (docs/gpt-sovits.md)"

PREVIEW_BANNER = gettext_lazy(
    "Preview engine: no voice model is installed. This speech is computed from a rule-based synthesiser and shaped "
    "to your reference clip: pitch, pace, pauses, loudness and part of the timbre follow the clip. It will sound "
    "robotic and is not a faithful clone. Install the GPT-SoVITS model for production quality."
)
DEFAULT_BANNER = gettext_lazy(
    "Default engine: Kokoro speaks naturally, in a mixture of its own voices that is most like your reference clip. "
    "Pitch, pace, pauses and loudness follow the clip; it is not a faithful clone. Languages that it lacks are spoken "
    "by rule and sound robotic. Install the GPT-SoVITS model for production quality."
)
_BANNERS = {"kokoro": DEFAULT_BANNER}
"""Of engines that are a preview, and not the rule-based one."""


def publish_engine(
    *, name: str, version: str, is_preview: bool, device: str = "", supports: Collection[str] = ()
) -> None:
    """Called by a speech worker once it has chosen its engine; ``supports`` as in `synth.engines.base.Engine`."""
    facts = {
        "name": name,
        "version": version,
        "is_preview": is_preview,
        "device": device,
        "supports": sorted(supports),
    }
    cache.set(CACHE_KEY, facts, timeout=None)


def engine_facts() -> dict[str, Any] | None:
    """Name, version, is_preview, device and supports of the engine in use; None while no worker has said."""
    facts: dict[str, Any] | None = cache.get(CACHE_KEY)
    if facts is not None:
        return facts
    last = SynthesisJob.objects.filter(state=JobState.RELEASED).order_by("-finished_at").first()
    if last is None:
        return None
    return {
        "name": last.engine_name,
        "version": last.engine_version,
        "is_preview": bool(last.is_preview),
        "device": "",
        "supports": [],
    }


def engine_supports() -> frozenset[str]:
    """What the engine in use supports, as far as it has said."""
    return frozenset((engine_facts() or {}).get("supports", ()))


def engine_banner() -> Promise | str:
    """What pages say plainly while an engine speaks that is no faithful clone; empty otherwise."""
    facts = engine_facts()
    if facts is None:
        return PREVIEW_BANNER if settings.ASSENT_ENGINE == "preview" else ""
    return _banner_of(facts)


def _banner_of(facts: dict[str, Any]) -> Promise | str:
    return _BANNERS.get(facts["name"], PREVIEW_BANNER) if facts["is_preview"] else ""


def engine_tile() -> StatusTile:
    """The engine that speaks, and how many jobs wait for it."""
    facts = engine_facts()
    waiting = waiting_count()
    rows = ((_("Waiting jobs"), str(waiting)), (_("Setting"), settings.ASSENT_ENGINE))
    if facts is None:
        return StatusTile(
            title=_("Engine"), value=_("Not heard from yet"), detail=_("No speech worker has reported."),
            state="unknown", facts=rows,
        )  # fmt: skip
    preview = facts["is_preview"]
    value, detail = facts["name"], facts["version"]
    if preview and value in _BANNERS:
        value, detail = (
            _("Default engine"),
            _("Natural speech in a voice like the clip's; not a faithful clone."),
        )
    elif preview:
        value, detail = (
            _("Preview engine"),
            _("Robotic speech that follows the clip; no voice model is installed."),
        )
    return StatusTile(
        title=_("Engine"),
        value=value,
        detail=detail,
        state="note" if preview else "ok",
        facts=(
            (_("Name"), facts["name"]),
            (_("Version"), facts["version"]),
            (_("Device"), facts["device"] or "–"),
            *rows,
            *([(_("Installing the model"), INSTALLING)] if preview else []),
        ),
        banner=_banner_of(facts),
    )
