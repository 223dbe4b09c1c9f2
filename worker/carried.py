"""What a recording brought along in its file: labels and manifests of other systems. Refused, or named.

A recording that says that it is synthetic is no evidence of a person. Whatever else it carries is written into
the Content Credentials of every file that is spoken after it (EU code of practice: marks of inputs are kept).
"""

from __future__ import annotations

from django.core.files.storage import default_storage

from accounts.gates.report import Gate
from accounts.voices.models import Clip
from synth.jobs.models import SynthesisJob
from synth.provenance import aigc, c2pa

GATE = "carried"
_GENERATED, _MAY_BE = "1", ("2", "3")
_MAX_NAMES, _MAX_CHARS = 8, 200


def gate_of(name: str) -> Gate:
    """The gate of a stored upload: fails where its file says that it is synthetic, asks a reviewer where it says that
    it may be. What it carries is measured, in a line for each.
    """
    with default_storage.open(name, "rb") as file:
        data = file.read()
    label, manifest = aigc.read(data), c2pa.read(data)
    names = []
    if label is not None:
        names.append(f"AIGC label {label.label}: {label.content_producer} {label.produce_id}")
    if manifest is not None:
        names.append(
            f"C2PA manifest: {manifest.generator or 'unreadable'} {', '.join(manifest.source_types)}"
        )
    measured = [" ".join(line.split())[:_MAX_CHARS] for line in names] or None
    if (label is not None and label.label == _GENERATED) or (
        manifest is not None and manifest.says_synthetic
    ):
        message = "The file says of itself that it is synthetic. Record a person, and hand in that recording."
        return Gate(GATE, "fail", measured, None, "", "says_synthetic", message)
    if label is not None and label.label in _MAY_BE:
        message = "The file's label says that it may be synthetic; a reviewer decides."
        return Gate(GATE, "review", measured, None, "", "may_be_synthetic", message)
    return Gate(GATE, "pass", measured)


def ingredients_of(job: SynthesisJob) -> tuple[str, ...]:
    """What the clips of a job carried, each once: its own, those of its styles, and those that show the timbre."""
    styles = [row.clip for row in job.further_styles.select_related("clip")]
    timbre = [style.clip for style in job.timbre.select_related("clip") if style.clip is not None]
    names: list[str] = []
    clips: list[Clip] = [job.clip, *styles, *timbre]
    for clip in clips:
        names += clip.measurements.get(GATE) or []
    return tuple(dict.fromkeys(names))[:_MAX_NAMES]
