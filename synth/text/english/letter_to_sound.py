"""Phones of English words that no dictionary knows: a small recurrent network read with numpy.

Encoder and decoder are one GRU layer each of 256 units; letters in, ARPAbet out, greedy. The weights are those of
g2p_en (Apache License 2.0), see ``data/NOTICE.txt``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from synth.text.symbols import DATA, word_list

MAX_PHONES = 20
_LETTERS = {letter: number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz", start=3)}
_UNKNOWN_LETTER, _WORD_END = 1, 2
_START, _END = 2, 3
_VOWELS = word_list("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW")
_CONSONANTS = word_list("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH")


def _phone_names() -> list[str]:
    stressed = [f"{vowel}{stress}" for vowel in _VOWELS for stress in "012"]
    return ["", "", "", "", *sorted([*stressed, *_CONSONANTS, "UW"])]


_PHONES = _phone_names()
Vector = npt.NDArray[np.float32]


@cache
def _weights() -> dict[str, Vector]:
    with np.load(DATA / "letters_to_sounds.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def predict(word: str) -> tuple[str, ...]:
    """ARPAbet of a word in letters a to z."""
    weights = _weights()
    state = np.zeros(weights["enc_w_hh"].shape[1], dtype=np.float32)
    for number in [*(_LETTERS.get(letter, _UNKNOWN_LETTER) for letter in word.lower()), _WORD_END]:
        state = _step("enc", weights["enc_emb"][number], state)
    phones: list[str] = []
    number = _START
    for _ in range(MAX_PHONES):
        state = _step("dec", weights["dec_emb"][number], state)
        number = int(np.argmax(weights["fc_w"] @ state + weights["fc_b"]))
        if number == _END:
            break
        if _PHONES[number]:
            phones.append("UW1" if _PHONES[number] == "UW" else _PHONES[number])
    return tuple(phones)


def _step(side: str, given: Vector, state: Vector) -> Vector:
    """One GRU step; gates in the order reset, update, new."""
    weights = _weights()
    size = len(state)
    inward = weights[f"{side}_w_ih"] @ given + weights[f"{side}_b_ih"]
    onward = weights[f"{side}_w_hh"] @ state + weights[f"{side}_b_hh"]
    gates = 1 / (1 + np.exp(-(inward[: 2 * size] + onward[: 2 * size])))
    reset, update = gates[:size], gates[size:]
    new = np.tanh(inward[2 * size :] + reset * onward[2 * size :])
    result: Vector = (1 - update) * new + update * state
    return result
