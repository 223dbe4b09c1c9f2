"""Content Credentials (C2PA 2.x) on our own files: signed last, validated before they leave; and on anybody's files.

A manifest says who made the sound with what, when, under which record, and which watermark names it again (soft
binding). It is bound to the file's bytes by hash, so nothing may be written to the file after it. WAV, MP3 and FLAC
carry it; for every other format it is a file of its own (a sidecar) that the record hands out.

The container formats and the validation are c2pa-python's (the reference implementation). Nothing remote is fetched.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import c2pa
from cryptography.hazmat.primitives import serialization

from synth.errors import AssentError
from synth.provenance.certificates import SIGNING_USE, Authority
from synth.provenance.names import EMBEDDED, KEYED_MARK_ALGORITHM, RECORD_ASSERTION
from synth.provenance.validation import Validation

ANY_MEDIA_TYPE = "application/octet-stream"
MAX_READ_BYTES = 256 * 1024 * 1024
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
ALGORITHMIC = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"


@dataclass(frozen=True)
class Claim:
    """What a manifest of ours says. No personal data: ids and hashes only.

    ``source_type``: `TRAINED`, or `ALGORITHMIC` for speech made by rule. ``consent_sha256``: SHA-256 (hexadecimal)
    of the consent receipt's signed text. ``ingredients``: labels and manifests that the reference clips themselves
    carried, a line for each, as they are to be shown.
    """

    record_id: str
    producer: str
    version: str
    engine: str
    engine_version: str
    created_at: datetime
    log_origin: str
    consent_sha256: str
    source_type: str = TRAINED
    ingredients: tuple[str, ...] = ()


def sign(data: bytes, format: str, claim: Claim, authority: Authority) -> tuple[bytes, bytes]:
    """The finished file with its manifest inside, and the manifest. ``format``: a key of `EMBEDDED`.

    Raises AssentError ``credentials_failed`` when the file cannot be signed or does not validate afterwards.
    """
    signed = io.BytesIO()
    manifest = _build(data, EMBEDDED[format], signed, claim, authority, embed=True)
    result = signed.getvalue()
    _require_valid(validate(result, EMBEDDED[format], anchors=authority.root_pem), claim)
    return result, manifest


def sidecar(data: bytes, claim: Claim, authority: Authority) -> bytes:
    """A manifest for a file that cannot carry one (Ogg Opus, AAC, raw samples): bound to exactly these bytes."""
    manifest = _build(data, ANY_MEDIA_TYPE, io.BytesIO(), claim, authority, embed=False)
    found = validate(data, ANY_MEDIA_TYPE, anchors=authority.root_pem, manifest=manifest)
    _require_valid(found, claim)
    return manifest


def validate(
    data: bytes, media_type: str, *, anchors: str = "", manifest: bytes | None = None
) -> Validation | None:
    """What the manifest in ``data`` (or ``manifest``, beside it) is worth; None where there is none to read.

    ``anchors``: PEM certificates whose signers are known here. Raises nothing, whatever the bytes.
    """
    if len(data) > MAX_READ_BYTES:
        return None
    try:
        with c2pa.Reader(media_type, io.BytesIO(data), manifest, context=_context(anchors)) as reader:
            state = str(reader.get_validation_state() or "").lower()
            return _validation(state, json.loads(reader.json()))
    except (c2pa.C2paError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _build(
    data: bytes, media_type: str, out: io.BytesIO, claim: Claim, authority: Authority, *, embed: bool
) -> bytes:
    key = authority.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Given the key itself, the library reserves what a signature needs; for a callback it reserves 10 kB.
    info = c2pa.C2paSignerInfo(
        b"es256", authority.chain_pem.encode(), key, authority.timestamp_url.encode() or None
    )
    try:
        with (
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(_manifest(claim, media_type), _context(authority.root_pem)) as builder,
        ):
            if not embed:
                builder.set_no_embed()
            return bytes(builder.sign(signer, media_type, io.BytesIO(data), out))
    except c2pa.C2paError as error:
        raise AssentError(
            "credentials_failed", f"The file could not be signed: {error}.", http_status=500
        ) from error


def _manifest(claim: Claim, media_type: str) -> dict[str, Any]:
    agent = {"name": claim.engine, "version": claim.engine_version}
    created = claim.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    actions = [
        {
            "action": "c2pa.created",
            "when": created,
            "digitalSourceType": claim.source_type,
            "softwareAgent": agent,
        },
        {"action": "c2pa.watermarked.bound", "when": created},
    ]
    record = {
        "record_id": claim.record_id,
        "log": claim.log_origin,
        "consent_receipt_sha256": claim.consent_sha256,
        "carried_by_the_reference_clip": list(claim.ingredients),
    }
    binding = {"alg": KEYED_MARK_ALGORITHM, "blocks": [{"scope": {}, "value": claim.record_id}]}
    ingredients = [{"title": name, "relationship": "inputTo"} for name in claim.ingredients]
    return {
        "ingredients": ingredients,
        "claim_generator_info": [{"name": claim.producer, "version": claim.version}],
        "format": media_type,
        "title": f"Synthetic speech {claim.record_id}",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": "c2pa.soft-binding", "data": binding},
            {"label": RECORD_ASSERTION, "data": record},
        ],
    }


def _context(anchors: str) -> c2pa.Context:
    verify = {
        "verify_after_sign": False,
        "verify_trust": True,
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
    }
    trust = {"user_anchors": anchors, "trust_config": SIGNING_USE + "\n"} if anchors else {}
    return c2pa.Context(c2pa.Settings.from_dict({"version": 1, "verify": verify, "trust": trust}))


def _validation(state: str, store: dict[str, Any]) -> Validation:
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    results = store.get("validation_results", {}).get("activeManifest", {})
    signature = active.get("signature_info") or {}
    record: dict[str, Any] = {}
    names: list[str] = []
    for assertion in active.get("assertions", []):
        content = assertion.get("data")
        if not isinstance(content, dict):
            continue
        if assertion.get("label") == RECORD_ASSERTION:
            record = content
        elif str(assertion.get("label", "")).startswith("c2pa.soft-binding"):
            names += [
                str(block.get("value", "")) for block in content.get("blocks", []) if isinstance(block, dict)
            ]
    signer = " · ".join(str(signature[key]) for key in ("common_name", "issuer") if signature.get(key))
    return Validation(
        state=state if state in ("trusted", "valid") else "invalid",
        failures=tuple(str(row.get("code", "")) for row in results.get("failure", []))[:16],
        signer=signer[:200],
        signed_at=str(signature.get("time") or "")[:40],
        record_id=str(record.get("record_id", ""))[:64],
        names=tuple(names)[:8],
    )


def _require_valid(found: Validation | None, claim: Claim) -> None:
    if found is None or found.state != "trusted" or found.record_id != claim.record_id:
        raise AssentError(
            "credentials_failed",
            "The signed credentials could not be read back from the file, so it is not released.",
            measured=", ".join(found.failures) if found else "none",
            http_status=500,
        )
