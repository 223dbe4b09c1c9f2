"""English words that are read in several ways, by their part of speech and their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from synth.text.symbols import DATA, word_list

# Reading as a verb, reading otherwise. They overrule the table of the data folder.
_VERB_OR_NOT = {
    "live": ("L IH1 V", "L AY1 V"),
    "lives": ("L IH1 V Z", "L AY1 V Z"),
    "wind": ("W AY1 N D", "W IH1 N D"),
    "winds": ("W AY1 N D Z", "W IH1 N D Z"),
    "tear": ("T EH1 R", "T IH1 R"),
    "tears": ("T EH1 R Z", "T IH1 R Z"),
    "object": ("AH0 B JH EH1 K T", "AA1 B JH EH0 K T"),
    "objects": ("AH0 B JH EH1 K T S", "AA1 B JH EH0 K T S"),
    "close": ("K L OW1 Z", "K L OW1 S"),
    "house": ("HH AW1 Z", "HH AW1 S"),
    "use": ("Y UW1 Z", "Y UW1 S"),
    "excuse": ("IH0 K S K Y UW1 Z", "IH0 K S K Y UW1 S"),
    "rebel": ("R IH0 B EH1 L", "R EH1 B AH0 L"),
    "rebels": ("R IH0 B EH1 L Z", "R EH1 B AH0 L Z"),
    "graduate": ("G R AE1 JH AH0 W EY2 T", "G R AE1 JH AH0 W AH0 T"),
    "produce": ("P R AH0 D UW1 S", "P R OW1 D UW0 S"),
    "refuse": ("R AH0 F Y UW1 Z", "R EH1 F Y UW2 Z"),
    "project": ("P R AA0 JH EH1 K T", "P R AA1 JH EH0 K T"),
    "projects": ("P R AA0 JH EH1 K T S", "P R AA1 JH EH0 K T S"),
}
# Noun, otherwise (adjective or verb).
_NOUN_OR_NOT = {
    "content": ("K AA1 N T EH0 N T", "K AH0 N T EH1 N T"),
    "complex": ("K AA1 M P L EH0 K S", "K AH0 M P L EH1 K S"),
    "invalid": ("IH1 N V AH0 L AH0 D", "IH2 N V AE1 L AH0 D"),
    "desert": ("D EH1 Z ER0 T", "D IH0 Z ER1 T"),
    "compact": ("K AA1 M P AE0 K T", "K AH0 M P AE1 K T"),
}
# Past forms of another verb, otherwise: wound (of wind), bound stays.
_PAST_OR_NOT = {
    "wound": ("W AW1 N D", "W UW1 N D"),
    "dove": ("D OW1 V", "D AH1 V"),
}
# The usual reading, another, and the words beside it that ask for the other.
_BY_NEIGHBOUR: dict[str, tuple[str, str, frozenset[str]]] = {
    "bass": ("B EY1 S", "B AE1 S", frozenset(word_list(
        "sea caught catch fish fishing fished lake river striped largemouth smallmouth grilled fried fillet pond ate "
        "eat cooked trout salmon angler pounds water boat"))),
    "lead": ("L IY1 D", "L EH1 D", frozenset(word_list(
        "pipe pipes paint poisoning pencil pencils acid shot bullet bullets weight weights metal toxic heavy copper "
        "zinc iron mercury contains contained molten element exposure levels"))),
    "row": ("R OW1", "R AW1", frozenset(word_list("blazing diplomatic heated"))),
    "sow": ("S OW1", "S AW1", frozenset(word_list("piglets pig boar farrowed"))),
    "bow": ("B OW1", "B AW1", frozenset(word_list("took take stern ship ship's deck curtain prow"))),
    "sewer": ("S UW1 ER0", "S OW1 ER0", frozenset(word_list("needle thread seamstress"))),
    "slough": ("S L UW1", "S L AH1 F", frozenset(word_list("off skin"))),
    "number": ("N AH1 M B ER0", "N AH1 M ER0", frozenset(word_list("feeling fingers toes lips grew"))),
    "axes": ("AE1 K S AH0 Z", "AE1 K S IY2 Z", frozenset(word_list("x y vertical horizontal coordinate both symmetry "
                                                                      "rotation principal"))),
    "bases": ("B EY1 S AH0 Z", "B EY1 S IY2 Z", frozenset(word_list("theoretical empirical vector"))),
}  # fmt: skip
_LEAD_THINGS = frozenset(
    word_list("pipe pipes paint poisoning pencil pencils acid shot bullet bullets weight weights")
)
_NATIONS = {"polish": ("P AA1 L IH0 SH", "P OW1 L IH0 SH")}  # with a capital it is the other
_HAVE = set(
    word_list(
        "have has had having i've you've we've they've be been was were is are am being get got 'd 've be"
    )
)
_PAST = set(
    word_list("yesterday ago last already once earlier before was were had did said went saw when after")
)
_BEFORE_VERBS = set(
    word_list(
        "to will would can could should may might must shall do does did don't doesn't didn't can't won't cannot "
        "never let let's please i you we they who i'll you'll we'll they'll he'll she'll it'll"
    )
)
_QUANTITIES = set(
    word_list("a the one two three four five six seven eight nine ten fifteen twenty thirty forty every each per last "
              "first next any this that another final half")
)  # fmt: skip


@cache
def _table() -> dict[str, tuple[str, str]]:
    """Word -> reading as a verb, reading otherwise."""
    table = dict(_VERB_OR_NOT)
    for line in (DATA / "homographs_en.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        word, reading, other, part = (field.strip() for field in line.split("|"))
        if part == "V" and word.isalpha():
            table.setdefault(word.lower(), (reading, other))
    return table


@cache
def words() -> frozenset[str]:
    """All words that `reading` may decide; the last part of a hyphenated one counts (re-read)."""
    return frozenset(
        {*_table(), *_NOUN_OR_NOT, *_PAST_OR_NOT, *_BY_NEIGHBOUR, *_NATIONS, "read", "used", "minute"}
    )


def reading(tokens: Sequence[str], tags: Sequence[str], index: int) -> tuple[str, ...] | None:
    """The phones of a word that has several readings; None for any other word."""
    word, tag = tokens[index].lower(), tags[index]
    before = tokens[index - 1].lower() if index else ""
    after = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
    if word == "read":
        return ("R", "EH1", "D") if _is_past_read(tokens, tag, index) else ("R", "IY1", "D")
    if word == "used":
        found = "Y UW1 S T" if after == "to" and before not in _HAVE - {"got", "get"} else "Y UW1 Z D"
    elif word == "minute":
        found = _minute(before, after, tags[index + 1] if index + 1 < len(tokens) else "")
    elif word in _NATIONS:
        found = _NATIONS[word][tokens[index][0].isupper() and index > 0]
    elif word in _BY_NEIGHBOUR:
        found = _by_neighbour(tokens, tag, index)
    elif word in _PAST_OR_NOT:
        found = _PAST_OR_NOT[word][not (tag == "VBD" and before not in {"a", "the", "his", "her"})]
    elif word in _NOUN_OR_NOT:
        noun = tag.startswith("NN") and not (
            before in _HAVE | {"very", "so", "quite"} and not after.isalpha()
        )
        found = _NOUN_OR_NOT[word][not noun]
        if word == "invalid" and not (before in {"an", "the"} and tag.startswith("NN")):
            found = _NOUN_OR_NOT[word][1]
    elif word in _table():
        found = _table()[word][not _is_verb(before, tag)]
    else:
        return None
    return tuple(found.split())


def _is_verb(before: str, tag: str) -> bool:
    return tag in {"VB", "VBP", "VBZ", "VBD"} or (before in _BEFORE_VERBS and tag.startswith("V"))


def _is_past_read(tokens: Sequence[str], tag: str, index: int) -> bool:
    before = tokens[index - 1].lower() if index else ""
    around = {token.lower() for token in tokens[max(0, index - 6) : index + 8]}
    earlier = {token.lower() for token in tokens[max(0, index - 3) : index]}
    if before in _BEFORE_VERBS - {"i", "you", "we", "they", "who"}:
        return False
    if before in _HAVE or before in {"he", "she", "it"} or (earlier & _HAVE and tag == "VBN"):
        return True
    return (tag in {"VBD", "VBN"} and bool(earlier)) or bool(around & _PAST and index > 0 and tag != "VB")


def _minute(before: str, after: str, tag_after: str) -> str:
    """Sixty seconds, or very small: minute details, a minute amount."""
    small = ("M AY0 N UW1 T", "M IH1 N AH0 T")
    if before in {"very", "so", "most", "extremely", "incredibly"} or after in word_list(
        "amount amounts detail trace traces particle quantity difference"
    ):
        return small[0]
    return small[0] if tag_after == "NNS" and before not in _QUANTITIES else small[1]


def _by_neighbour(tokens: Sequence[str], tag: str, index: int) -> str:
    usual, other, neighbours = _BY_NEIGHBOUR[tokens[index].lower()]
    word = tokens[index].lower()
    around = {token.lower() for token in tokens[max(0, index - 4) : index + 5]} - {word}
    near = {token.lower() for token in tokens[max(0, index - 1) : index + 2]} - {word}
    if word == "bow":
        return other if tag.startswith("V") or around & neighbours else usual
    if word == "lead":
        if tokens[index + 1 : index + 2] and tokens[index + 1].lower() in _LEAD_THINGS:
            return other
        if tag in {"VB", "VBP", "JJ"}:
            return usual
        metal = around & neighbours or ({"of", "made"} & near and not {"the", "a", "took"} & near)
        return other if metal else usual
    return other if around & neighbours else usual
