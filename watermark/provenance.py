"""What a file says of itself, against what was heard in it. Claims are read, never believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synth.provenance.aigc import AigcLabel
from synth.provenance.c2pa import Manifest
from synth.provenance.validation import Validation
from watermark import selectors
from watermark.models import Mark


@dataclass(frozen=True)
class Claims:
    """The AIGC label and the C2PA manifest of a file, where it carries them, and what the manifest is worth."""

    label: AigcLabel | None
    manifest: Manifest | None
    validation: Validation | None = None

    def label_facts(self) -> dict[str, Any] | None:
        if self.label is None:
            return None
        return {
            "label": self.label.label,
            "content_producer": self.label.content_producer[:200],
            "produce_id": self.label.produce_id[:200],
            "system": self.label.system[:200],
            "made_at": self.label.made_at[:40],
        }

    def manifest_facts(self) -> dict[str, Any] | None:
        if self.manifest is None:
            return None
        return {
            "readable": self.manifest.readable,
            "generator": self.manifest.generator,
            "source_types": list(self.manifest.source_types),
            "names": [value for _, value in self.manifest.bindings],
            # trusted, valid (signer unknown), altered (does not fit this sound), invalid, or unchecked
            "state": self.validation.word if self.validation else "unchecked",
            "signer": self.validation.signer if self.validation else "",
            "failures": list(self.validation.failures) if self.validation else [],
            "verified": self.validation is not None and self.validation.state == "trusted",
        }

    @property
    def ids_in_manifest(self) -> list[str]:
        return [value for _, value in self.manifest.bindings] if self.manifest else []


def contradictions(claims: Claims, heard: Sequence[Mark]) -> list[str]:
    """Codes of what does not fit together: the label, the manifest, and the records of the marks that were heard."""
    ids = {str(mark.public_id) for mark in heard}
    return [*_of_label(claims.label, ids), *_of_manifest(claims, ids)]


def _of_label(label: AigcLabel | None, ids: set[str]) -> list[str]:
    if label is None:
        return ["label_missing"] if ids else []
    if label.produce_id in ids:
        return []
    if ids:
        return ["label_names_another_record"]
    if selectors.marks_named([label.produce_id]):
        return ["label_names_record_without_mark"]
    return ["label_without_mark"]


def _of_manifest(claims: Claims, ids: set[str]) -> list[str]:
    manifest = claims.manifest
    if manifest is None:
        return []
    if not manifest.readable:
        return ["manifest_unreadable"]
    found = []
    if claims.validation is not None and claims.validation.word in ("altered", "invalid"):
        found.append(
            "manifest_does_not_fit" if claims.validation.is_altered else "manifest_signature_invalid"
        )
    named = set(selectors.marks_named(claims.ids_in_manifest))
    if named - ids:
        found.append("manifest_names_another_record" if ids else "manifest_names_record_without_mark")
    if manifest.says_recorded and ids:
        found.append("manifest_says_recorded")
    if manifest.says_synthetic and not ids:
        found.append("manifest_without_mark")
    return found
