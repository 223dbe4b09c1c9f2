"""The code word: payload, permutation, MAC, error correction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermark.codec import MarkKeys
from watermark.codec.convolution import CODE_SIGNS, decode, encode
from watermark.codec.payload import pack, unpack

KEYS = MarkKeys(bytes(range(32))).for_epoch("a")
OTHER = MarkKeys(bytes(range(32))).for_epoch("b")
records = st.integers(0, 2**40 - 1)


@given(records)
def test_a_record_survives_packing(record):
    assert unpack(pack(record, KEYS), KEYS) == record


@given(records, st.integers(0, 63))
def test_any_flipped_bit_breaks_the_mac(record, position):
    bits = pack(record, KEYS)
    bits[position] ^= 1
    assert unpack(bits, KEYS) is None


@given(records)
def test_another_epoch_does_not_read_it(record):
    assert unpack(pack(record, KEYS), OTHER) is None


def test_random_words_are_not_records():
    words = np.random.default_rng(1).integers(0, 2, (20_000, 64), np.uint8)
    assert not any(unpack(word, KEYS) is not None for word in words)


def test_consecutive_records_look_unrelated():
    words = np.stack([pack(record, KEYS) for record in range(400)]).astype(float)
    distance = np.abs(np.diff(words, axis=0)).sum(axis=1)
    assert 28 < distance.mean() < 36
    assert distance.min() > 12


@pytest.mark.parametrize("record", [-1, 2**40])
def test_numbers_outside_forty_bits_are_refused(record):
    with pytest.raises(ValueError, match="40 bits"):
        pack(record, KEYS)


@settings(max_examples=60)
@given(records, st.sets(st.integers(0, CODE_SIGNS - 1), max_size=8))
def test_up_to_eight_wrong_signs_anywhere_are_corrected(record, wrong):
    # The free distance of the code is 18, so every pattern of eight errors must be.
    soft = encode(pack(record, KEYS)).astype(float)
    soft[list(wrong)] *= -1
    assert unpack(decode(soft)[0], KEYS) == record


def test_noisy_words_decode_together_as_alone():
    generator = np.random.default_rng(3)
    bits = generator.integers(0, 2, (16, 64), np.uint8)
    soft = encode(bits) + generator.normal(0, 1.0, (16, CODE_SIGNS))
    together = decode(soft)
    assert (together == np.concatenate([decode(row) for row in soft])).all()
    assert (together == bits).all(axis=1).mean() > 0.9


def test_keys_stay_out_of_messages():
    master = bytes(range(32))
    assert repr(MarkKeys(master)) == "MarkKeys(...)"
    assert "keystream" not in repr(MarkKeys(master).for_epoch("a"))
    with pytest.raises(ValueError, match="32 bytes"):
        MarkKeys(b"short")


def test_a_short_master_secret_is_refused():
    with pytest.raises(ValueError, match="needs 32 bytes, not 31"):
        MarkKeys(bytes(31))


def test_purposes_and_epochs_have_different_keys():
    a, b = KEYS, OTHER
    derived = {a.keystream, a.permutation, a.mac, a.confirmation, b.keystream, b.permutation, b.mac}
    assert len(derived) == 7
