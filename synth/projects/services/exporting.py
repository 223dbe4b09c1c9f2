"""The released files of a project in one ZIP, with what stands on record of each. Bytes as they were released.

What may not be served is not in it, and the manifest says why.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import IO, Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.people.permissions import SPEECH_READ
from accounts.people.principals import Principal
from audit.services import record
from audit.subjects import about
from synth.common.sheets import sheet
from synth.errors import AssentError, Conflict
from synth.jobs.formats import FORMATS
from synth.jobs.models import Output
from synth.jobs.services import record_download, refusal_to_serve, refuse_unserved
from synth.projects import selectors
from synth.projects.models import Line, Project
from synth.projects.selectors import Placed

MANIFEST = "assent-project-manifest-1"
MAX_EXPORT_BYTES = 1024 * 1024 * 1024
"""Of the files in one ZIP: an hour of uncompressed speech has 170 MiB."""


@dataclass(frozen=True)
class Archive:
    """A ZIP in a temporary file at its beginning, which whoever sends it closes."""

    file: IO[bytes]
    size_bytes: int
    sha256: str


def export_lines(*, principal: Principal, project_id: UUID) -> Archive:
    """The ZIP of a project's lines; each file in it is a download in the log.

    Raises Conflict ``nothing_to_export``; AssentError ``export_too_large``; NotFound ``project_not_found``.
    """
    principal.require(SPEECH_READ)
    project = selectors.project_for(principal, project_id)
    lines = list(selectors.lines_of(project))
    places = {place.line.pk: place for place in selectors.placed(lines)}
    given = [place for place in places.values() if refusal_to_serve(place.output) is None]
    if not given:
        raise Conflict(
            "nothing_to_export", "No line of this project has a file that may be served.", measured=0
        )
    size = sum(place.output.size_bytes for place in given)
    if size > MAX_EXPORT_BYTES:
        raise AssentError(
            "export_too_large", "These files are too much for one ZIP: download them line by line.", measured=size,
            limit=MAX_EXPORT_BYTES, http_status=422,
        )  # fmt: skip
    rows = [manifest_row(line, places.get(line.pk)) for line in lines]
    file = tempfile.TemporaryFile(prefix="assent-")  # noqa: SIM115 - handed on, and closed by whoever sends it
    try:
        try:
            _write(file, project, rows, given)
        except FileNotFoundError:
            _still_served(given)
            raise
        size_bytes = file.tell()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        _still_served(given)
        record_export(
            principal,
            project,
            [place.output for place in given],
            kind="zip",
            sha256=digest,
            size_bytes=size_bytes,
        )
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Archive(file, size_bytes, digest)


def _still_served(given: Iterable[Placed]) -> None:
    """Raise what by now forbids one of these files: copying takes time, in which a consent may end."""
    outputs = [place.output.pk for place in given]
    refuse_unserved(Output.objects.select_related("job__voice", "mark").filter(pk__in=outputs))


def _write(file: IO[bytes], project: Project, rows: list[dict[str, Any]], given: Iterable[Placed]) -> None:
    # Sound does not get smaller by deflating it.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        facts = {
            "version": MANIFEST,
            "project": {"id": str(project.pk), "name": project.name, "slug": project.slug},
            "made_at": timezone.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lines": rows,
        }
        archive.writestr("manifest.json", json.dumps(facts, ensure_ascii=False, indent=1))
        archive.writestr("manifest.csv", sheet(rows, rows[0]))
        for place in given:
            with (
                default_storage.open(place.output.file, "rb") as source,
                archive.open(file_name(place.line, place.output), "w") as target,
            ):
                for chunk in source.chunks():
                    target.write(chunk)


def file_name(line: Line, output: Output) -> str:
    """A path that every system takes: ASCII, no separators of its own, told apart by its number."""
    voice = slugify(output.job.voice.name)[:40] or "voice"
    style = slugify(output.job.style.name)[:40] if output.job.style else ""
    stem = "-".join(part for part in (f"{line.number:04d}", voice, style) if part)
    return f"lines/{stem}.{FORMATS[output.format].extension}"


def manifest_row(line: Line, place: Placed | None) -> dict[str, Any]:
    """What is said of a line; of one without a file that may be served, why there is none."""
    output = place.output if place else None
    refusal = refusal_to_serve(output) if output else None
    released = output if refusal is None else None
    job = line.job
    return {
        "number": line.number,
        "state": line.state,
        "text": line.text,
        "voice": job.voice.name if job else "",
        "style": job.style.name if job and job.style else "",
        "language": job.language if job else "",
        "purpose": job.purpose if job else line.project.purpose,
        "speed": job.speed if job else None,
        "slot_begin_ms": line.begin_ms,
        "slot_end_ms": line.end_ms,
        "too_long_by_ms": line.too_long_by_ms,
        "file": file_name(line, released) if released else "",
        "left_out": refusal.code if refusal else (line.error or {}).get("code", ""),
        "record_id": str(output.pk) if output else "",
        "sha256": released.sha256 if released else "",
        "size_bytes": released.size_bytes if released else None,
        "begins_ms": place.heard_from_ms if place else None,
        "ends_ms": place.heard_to_ms if place else None,
        "released_at": output.released_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if output else "",
        "job_id": str(job.pk) if job else "",
        "log_entry": output.entry_id if output else None,
    }


def record_export(
    principal: Principal,
    project: Project,
    outputs: Sequence[Output],
    *,
    kind: str,
    sha256: str,
    size_bytes: int,
) -> None:
    """The log's entries of a download: one of the whole, and one of every output, in whose voice's ledger it stands."""
    with transaction.atomic():
        record(
            event="project.exported",
            actor=principal.actor,
            organisation_id=project.organisation_id,
            subject=about("project", project.pk),
            data={
                "project_id": str(project.pk),
                "kind": kind,
                "count": len(outputs),
                "bytes": size_bytes,
                "export_sha256": sha256,
            },
        )
        for output in outputs:
            record_download(principal, output)
