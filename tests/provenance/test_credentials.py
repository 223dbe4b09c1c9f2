"""Content Credentials on our files: they validate in the reference reader, and nothing can be changed unseen."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import c2pa
import numpy as np
import pytest
import soundfile
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.audio.encode import encode
from synth.errors import AssentError, Unavailable
from synth.provenance import aigc, certificates, credentials
from synth.provenance.names import EMBEDDED, KEYED_MARK_ALGORITHM, RECORD_ASSERTION
from synth.provenance.validation import Validation, validate_untrusted

SECRET = bytes(range(32))
CERTIFICATES = certificates.make_certificates(SECRET, organisation="Example Speech")
AUTHORITY = certificates.own_authority(SECRET, CERTIFICATES)
RECORD = "01930000-0000-7000-8000-000000000001"
CLAIM = credentials.Claim(
    record_id=RECORD, producer="Assent", version="0.1.0", engine="preview", engine_version="1.1",
    created_at=datetime(2026, 11, 30, 12, tzinfo=UTC), log_origin="example.org/log", consent_sha256="ab" * 32,
)  # fmt: skip
RATE_HZ = 24_000


def labelled(format: str, seed: int = 0) -> bytes:
    """Two seconds of a quiet sound, encoded and with its AIGC label."""
    samples = (np.random.default_rng(seed).standard_normal(2 * RATE_HZ) * 0.05).astype(np.float32)
    data = encode(samples, RATE_HZ, format=format)
    return aigc.write(data, format, aigc.AigcLabel(label="1", content_producer="T", produce_id=RECORD))


@pytest.fixture(scope="module", params=EMBEDDED)
def format(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def signed(format) -> bytes:
    return credentials.sign(labelled(format), format, CLAIM, AUTHORITY)[0]


def judged(data: bytes, format: str, anchors: str = AUTHORITY.root_pem) -> Validation:
    found = credentials.validate(data, EMBEDDED[format], anchors=anchors)
    assert found is not None
    return found


def test_the_sound_and_the_label_are_as_before(format, signed):
    before, after = (soundfile.read(io.BytesIO(data)) for data in (labelled(format), signed))
    assert before[1] == after[1]
    assert np.array_equal(before[0], after[0])
    label = aigc.read(signed)
    assert label is not None and label.produce_id == RECORD
    assert len(signed) - len(labelled(format)) < 6_000


def test_it_is_trusted_where_the_installation_is_known_and_valid_elsewhere(format, signed):
    known = judged(signed, format)
    assert (known.state, known.failures, known.record_id) == ("trusted", (), RECORD)
    assert known.names == (RECORD,)
    assert "Example Speech" in known.signer
    stranger = judged(signed, format, anchors="")
    assert (stranger.state, stranger.failures) == ("valid", ("signingCredential.untrusted",))


def test_an_unmodified_reader_finds_what_was_claimed(format, signed):
    with c2pa.Reader(EMBEDDED[format], io.BytesIO(signed)) as reader:
        assert reader.get_validation_state() == "Valid"
        store = json.loads(reader.json())
    active = store["manifests"][store["active_manifest"]]
    said = {row["label"]: row["data"] for row in active["assertions"]}
    created = said["c2pa.actions.v2"]["actions"][0]
    assert created["action"] == "c2pa.created"
    assert created["digitalSourceType"] == credentials.TRAINED
    assert created["softwareAgent"] == {"name": "preview", "version": "1.1"}
    assert said["c2pa.soft-binding"]["blocks"] == [{"scope": {}, "value": RECORD}]
    assert said[RECORD_ASSERTION]["consent_receipt_sha256"] == "ab" * 32
    assert active["claim_generator_info"][0]["version"] == "0.1.0"


def test_our_own_reading_of_claims_agrees(signed):
    from synth.provenance import c2pa as claims

    manifest = claims.read(signed)
    assert manifest is not None and manifest.says_synthetic
    assert manifest.bindings == ((KEYED_MARK_ALGORITHM, RECORD),)


@pytest.mark.parametrize("where", [0.1, 0.4, 0.6, 0.9])
def test_one_changed_bit_of_the_sound_is_seen(format, signed, where):
    changed = bytearray(signed)
    sound_begins = signed.index(labelled(format)[-20_000:-19_000])
    changed[sound_begins + int(where * 19_000)] ^= 1
    found = judged(bytes(changed), format)
    assert found.state == "invalid"
    assert found.is_altered


def test_what_is_written_after_signing_breaks_it(format, signed):
    again = aigc.write(signed, format, aigc.AigcLabel(label="1", content_producer="X", produce_id="other"))
    found = credentials.validate(again, EMBEDDED[format], anchors=AUTHORITY.root_pem)
    assert found is None or found.is_altered


def test_a_cut_file_is_not_valid(format, signed):
    found = credentials.validate(signed[: len(signed) * 3 // 4], EMBEDDED[format], anchors=AUTHORITY.root_pem)
    assert found is None or found.state == "invalid"


def test_a_manifest_moved_to_another_sound_does_not_fit_it():
    ours, other = credentials.sign(labelled("wav"), "wav", CLAIM, AUTHORITY)[0], labelled("wav", seed=1)
    at = ours.index(b"C2PA")
    chunk = ours[at : at + 8 + int.from_bytes(ours[at + 4 : at + 8], "little")]
    moved = other + chunk + b"\0" * (len(chunk) % 2)
    moved = moved[:4] + (len(moved) - 8).to_bytes(4, "little") + moved[8:]
    found = judged(moved, "wav")
    assert found.state == "invalid" and found.is_altered


def test_somebody_elses_signature_over_our_claims_is_not_ours(format):
    secret = bytes(reversed(range(32)))
    pem = certificates.make_certificates(secret, organisation="Example Speech")
    forged, _ = credentials.sign(labelled(format), format, CLAIM, certificates.own_authority(secret, pem))
    found = judged(forged, format)
    assert found.state == "valid" and found.failures == ("signingCredential.untrusted",)


@pytest.mark.parametrize("format", ["opus", "pcm", "aac"])
def test_other_formats_get_a_manifest_beside_them(format):
    data = b"\x01\x02" * 20_000
    manifest = credentials.sidecar(data, CLAIM, AUTHORITY)

    def judge(sound: bytes) -> Validation | None:
        return credentials.validate(
            sound, credentials.ANY_MEDIA_TYPE, anchors=AUTHORITY.root_pem, manifest=manifest
        )

    fits, other = judge(data), judge(data[:-2] + b"\0\0")
    assert fits is not None and (fits.state, fits.record_id) == ("trusted", RECORD)
    assert other is not None and other.is_altered


def test_a_file_without_a_manifest_has_none(format):
    assert credentials.validate(labelled(format), EMBEDDED[format]) is None


def test_a_file_that_cannot_be_signed_is_refused():
    with pytest.raises(AssentError) as error:
        credentials.sign(b"no sound file", "wav", CLAIM, AUTHORITY)
    assert error.value.code == "credentials_failed"


def test_credentials_that_cannot_be_read_back_are_refused(monkeypatch):
    monkeypatch.setattr(credentials, "validate", lambda *args, **kwargs: None)
    with pytest.raises(AssentError) as error:
        credentials.sign(labelled("wav"), "wav", CLAIM, AUTHORITY)
    assert error.value.code == "credentials_failed"


WAV, _ = credentials.sign(labelled("wav"), "wav", CLAIM, AUTHORITY)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WAV) - 1), st.binary(min_size=1, max_size=60), st.booleans())
def test_hostile_manifests_raise_nothing_and_change_no_trusted_claim(at, junk, in_store):
    """Padding and names of boxes are not covered by the signature; what is claimed and the sound are."""
    start = WAV.index(b"C2PA") if in_store else 0
    at = start + at % (len(WAV) - start)
    hostile = WAV[:at] + junk + WAV[at + len(junk) :]
    found = credentials.validate(hostile, "audio/wav", anchors=AUTHORITY.root_pem)
    if found is not None and found.state == "trusted":
        assert found == judged(WAV, "wav")
        end_of_sound = WAV.index(b"C2PA")
        assert hostile[44:end_of_sound] == WAV[44:end_of_sound]


# -- strangers' files, in a child --


def test_a_strangers_file_is_validated_in_a_bounded_child(tmp_path, format, signed):
    path = tmp_path / "file"
    path.write_bytes(signed)
    assert validate_untrusted(path, anchors=AUTHORITY.root_pem) == judged(signed, format)
    unknown = validate_untrusted(path)
    assert unknown is not None and unknown.word == "valid"
    changed = bytearray(signed)
    changed[signed.index(labelled(format)[-20_000:-19_000]) + 500] ^= 1
    path.write_bytes(changed)
    altered = validate_untrusted(path, anchors=AUTHORITY.root_pem)
    assert altered is not None and altered.word == "altered"
    path.write_bytes(labelled(format))
    assert validate_untrusted(path) is None


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVEC2PA\xff\xff\xff\x7f", b"\xff" * 64, b"text"]
)
def test_what_cannot_be_validated_is_unchecked(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert validate_untrusted(path) is None


def test_a_child_that_needs_too_long_leaves_it_unchecked(tmp_path, monkeypatch):
    from synth.provenance import validation

    path = tmp_path / "file"
    path.write_bytes(WAV)
    monkeypatch.setattr(validation, "WALL_S", 0.01)
    assert validate_untrusted(path) is None


# -- certificates --


def test_the_keys_derive_from_the_secret_and_the_certificates_must_be_theirs():
    again = certificates.own_authority(SECRET, certificates.make_certificates(SECRET, organisation="Other"))
    assert again.key.private_numbers() == AUTHORITY.key.private_numbers()
    for secret, pem in ((b"\1" * 32, CERTIFICATES), (SECRET, "nothing"), (SECRET, AUTHORITY.root_pem)):
        with pytest.raises(Unavailable) as error:
            certificates.own_authority(secret, pem)
        assert error.value.code == "credentials_key_missing"


def test_a_certificate_authoritys_chain_takes_their_place():
    key = AUTHORITY.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = AUTHORITY.chain_pem + AUTHORITY.root_pem
    found = certificates.foreign_authority(key, chain)
    assert (found.chain_pem, found.root_pem) == (AUTHORITY.chain_pem, AUTHORITY.root_pem)
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for bad_key, bad_chain in ((b"", chain), (other, chain), (key, ""), (key, AUTHORITY.root_pem)):
        with pytest.raises(Unavailable):
            certificates.foreign_authority(bad_key, bad_chain)
