"""Pronunciations for words that a dictionary does not hold: names of people and organisations.

The embedded recogniser needs every word of its grammar as phones of the CMUdict set (39 phones, no
stress). Its own dictionary is asked first; for the rest there are two small rule sets: pinyin syllables
(`Xiaoming` -> SH Y AW M IH NG) and English letter-to-sound rules. Both are rough. They only have to make
the right name score better than its decoys, and a name without any pronunciation goes to a reviewer.

Standard library only: the web process uses this module to say at the start whether a reviewer will listen.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from .vocabulary import DIGITS

_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
VOWELS = frozenset(_VOWELS.split(" "))
PHONES = VOWELS | frozenset(_CONSONANTS.split(" "))


def _table(text: str) -> dict[str, str]:
    """`spelling:PHONE.PHONE ...` as a dictionary of phone strings; nothing after the colon is silence."""
    pairs = (entry.partition(":") for entry in text.split())
    return {spelling: phones.replace(".", " ") for spelling, _, phones in pairs}


# Letters that Unicode does not decompose.
_PLAIN_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)

_PINYIN_INITIALS = _table(
    """b:B p:P m:M f:F d:D t:T n:N l:L g:G k:K h:HH j:JH q:CH x:SH zh:JH ch:CH sh:SH r:R z:Z c:T.S s:S y:Y w:W
    :"""
)
_PINYIN_FINALS = _table(
    """a:AA o:AO e:AH i:IY u:UW v:UW ai:AY ei:EY ui:W.EY ao:AW ou:OW iu:Y.OW ie:Y.EH ve:W.EH ue:W.EH er:ER
    an:AA.N en:AH.N in:IY.N un:UW.N vn:UW.N ang:AA.NG eng:AH.NG ing:IY.NG ong:UH.NG ia:Y.AA iao:Y.AW
    ian:Y.EH.N iang:Y.AA.NG iong:Y.UH.NG ua:W.AA uo:W.AO uai:W.AY uan:W.AA.N uang:W.AA.NG uen:W.AH.N
    van:W.EH.N"""
)

# English rules, longest spelling first at each position. `_` before a spelling ties it to the start of the
# word, `_` after it to the end. An empty right side is silent.
_LETTERS = _table(
    """_kn:N _wr:R _gn:N _ps:S _x:Z _mc:M.AH.K _mac:M.AH.K _wh:W tch:CH sch:SH igh:AY eigh:EY augh:AO ough:AO
    tion:SH.AH.N sion:ZH.AH.N cious:SH.AH.S tious:SH.AH.S ture_:CH.ER dge:JH que_:K stle_:S.AH.L ble_:B.AH.L
    tle_:T.AH.L dle_:D.AH.L ple_:P.AH.L gle_:G.AH.L kle_:K.AH.L ck:K ch:CH sh:SH th:TH ph:F wh:W gh:G zh:ZH
    kh:K dh:D bh:B qu:K.W ng_:NG ng:NG.G nk:NG.K mb_:M gu:G ski_:S.K.IY sky_:S.K.IY wski_:F.S.K.IY ee:IY
    ea:IY eau:OW oo:UW ou:UW ow_:OW ow:AW oa:OW oi:OY oy:OY ai:EY ay:EY au:AO aw:AO ei:AY ey_:IY ey:EY
    eu:Y.UW ew:UW ie_:IY ie:IY ia_:IY.AH io_:IY.OW ue_:UW ui:UW er_:ER er:ER ir:ER ur:ER yr:ER ar:AA.R
    or:AO.R air:EH.R ear:IH.R eer:IH.R oor:AO.R ce:S ci:S.IH cy:S.IY ge_:JH gi:JH.IH gy:JH.IY ed_:AH.D
    es_:EH.S y_:IY i_:IY o_:OW a_:AH e_: u_:UW _y:Y _j:JH all:AO.L ll:L ss:S tt:T nn:N mm:M pp:P rr:R bb:B
    dd:D ff:F gg:G cc:K zz:Z kk:K a:AE b:B c:K d:D e:EH f:F g:G h:HH i:IH j:JH k:K l:L m:M n:N o:AA p:P q:K
    r:R s:S t:T u:AH v:V w:W x:K.S y:IH z:Z ':"""
)
_LONG_VOWELS = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
_LONGEST = max(len(spelling.strip("_")) for spelling in _LETTERS)

# A run of bare consonants is read out by its letters (`JKL` -> JH EY K EY EH L).
_LETTER_NAMES = _table(
    """b:B.IY c:S.IY d:D.IY f:EH.F g:JH.IY h:EY.CH j:JH.EY k:K.EY l:EH.L m:EH.M n:EH.N p:P.IY q:K.Y.UW r:AA.R
    s:EH.S t:T.IY v:V.IY w:D.AH.B.AH.L.Y.UW x:EH.K.S y:W.AY z:Z.IY"""
)


def tokens_of(text: str) -> tuple[str, ...] | None:
    """Lower-case words of ``text`` as a recogniser's grammar takes them (a-z and inner apostrophes).

    Accents are dropped, hyphens split, single digits are named, ``&`` is "and". None when something is left
    that has no spoken form here: other scripts, or numbers of more than one digit (nobody can say whether
    "54" is "fifty four" or "five four").
    """
    folded = unicodedata.normalize("NFKD", text).replace("’", "'").replace("&", " and ")
    folded = "".join(c for c in folded if not unicodedata.combining(c)).lower()
    folded = folded.translate(_PLAIN_LETTERS)
    tokens: list[str] = []
    for piece in re.split(r"[\s\-‐‑–—_/.,;:!?()\"“”]+", folded):
        if not piece:
            continue
        if len(piece) == 1 and piece.isascii() and piece.isdigit():
            tokens.append(DIGITS[int(piece)])
            continue
        word = piece.strip("'")
        if not re.fullmatch(r"[a-z]+(?:'[a-z]+)*", word):
            return None
        tokens.append(word)
    return tuple(tokens) or None


@lru_cache(maxsize=1)
def dictionary_path() -> Path | None:
    """The recogniser's own dictionary, found without importing it; None where it is absent."""
    spec = find_spec("pocketsphinx")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "model" / "en-us" / "cmudict-en-us.dict"
        if path.is_file():
            return path
    return None


@lru_cache(maxsize=1)
def _dictionary_bytes() -> bytes:
    path = dictionary_path()
    return b"\n" + path.read_bytes() if path else b""


@lru_cache(maxsize=4096)
def dictionary_phones(word: str) -> tuple[str, ...]:
    """The first pronunciation the dictionary gives for ``word`` (empty when absent). Some 3 ms on a miss."""
    if not re.fullmatch(r"[a-z']+", word):
        return ()
    text = _dictionary_bytes()
    start = text.find(b"\n" + word.encode() + b" ")
    if start < 0:
        return ()
    line = text[start + 1 : text.find(b"\n", start + 1)]
    return tuple(line.decode("ascii").split()[1:])


@lru_cache(maxsize=4096)
def pinyin_phones(word: str) -> tuple[str, ...]:
    """Phones of a word that is wholly made of pinyin syllables (no tones), else empty."""
    word = word.replace("ü", "v")
    initials = sorted(_PINYIN_INITIALS, key=len, reverse=True)
    finals = sorted(_PINYIN_FINALS, key=len, reverse=True)

    @cache
    def split(rest: str) -> tuple[str, ...] | None:
        if not rest:
            return ()
        for initial in initials:
            if not rest.startswith(initial):
                continue
            for final in finals:
                if not rest.startswith(initial + final):
                    continue
                if not initial and final[0] in "iuv":
                    continue
                tail = split(rest[len(initial) + len(final) :])
                if tail is not None:
                    return (*_syllable(initial, final), *tail)
        return None

    return split(word) or ()


def _syllable(initial: str, final: str) -> tuple[str, ...]:
    if final == "i" and initial in ("zh", "ch", "sh", "r"):
        vowel = "ER"
    elif final == "i" and initial in ("z", "c", "s"):
        vowel = "IH"
    elif final == "u" and initial in ("j", "q", "x", "y"):
        vowel = "UW"
    else:
        vowel = _PINYIN_FINALS[final]
    phones = f"{_PINYIN_INITIALS[initial]} {vowel}".split()
    # `yi`, `wu`, `yuan`: the initial only spells the glide that the final already has.
    return tuple(
        p for i, p in enumerate(phones) if not (i and p in ("Y", "W") and phones[i - 1] in ("Y", "W"))
    )


def letter_phones(word: str) -> tuple[str, ...]:
    """Phones by English letter-to-sound rules; empty only when ``word`` has no letters."""
    letters = word.replace("'", "")
    if not letters.isascii() or not letters.isalpha():
        return ()
    if not re.search(r"[aeiouy]", letters):
        return tuple(p for letter in letters for p in _LETTER_NAMES[letter].split())
    phones: list[str] = []
    at = 0
    while at < len(letters):
        rule, width = _rule_at(letters, at)
        # Vowel, one consonant, silent e: the vowel is long (Blake, Pike, Rose).
        if width == 1 and re.fullmatch(r"[aeiouy][bcdfgklmnpstvz]es?", letters[at:]) and at:
            rule = _LONG_VOWELS[letters[at]]
        new = rule.split()
        if phones and new and new[0] == phones[-1] and new[0] not in VOWELS:
            new = new[1:]
        phones += new
        at += width
    return tuple(phones)


def _rule_at(letters: str, at: int) -> tuple[str, int]:
    for width in range(min(_LONGEST, len(letters) - at), 0, -1):
        spelling = letters[at : at + width]
        if at + width == len(letters) and f"{spelling}_" in _LETTERS and at:
            return _LETTERS[f"{spelling}_"], width
        if at == 0 and f"_{spelling}" in _LETTERS:
            return _LETTERS[f"_{spelling}"], width
        if spelling in _LETTERS:
            return _LETTERS[spelling], width
    raise AssertionError(f"no rule for {letters[at]!r}")  # every letter has one


def pronunciations(word: str) -> tuple[tuple[str, ...], ...]:
    """Every pronunciation to offer the recogniser for a lower-case ``word``: dictionary, pinyin, rules.

    A word that reads as pinyin is offered so even when the dictionary has an English reading of it (`wang`);
    the English rules are asked only for words the dictionary lacks.
    """
    known = dictionary_phones(word)
    guesses = (() if known else letter_phones(word), pinyin_phones(word))
    return tuple(dict.fromkeys(p for p in (known, *guesses) if p and (p is known or len(p) >= 2)))


def distance(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Edit distance of two pronunciations, in phones."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
