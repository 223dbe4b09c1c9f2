"""The words that CMUdict knows, as phones; and letters by their names."""

from __future__ import annotations

import lzma
from functools import cache

from synth.text.symbols import DATA

LETTER_NAMES = {
    letter: tuple(name.split())
    for letter, name in (
        row.split("=")
        for row in [
            "a=EY1",
            "b=B IY1",
            "c=S IY1",
            "d=D IY1",
            "e=IY1",
            "f=EH1 F",
            "g=JH IY1",
            "h=EY1 CH",
            "i=AY1",
            "j=JH EY1",
            "k=K EY1",
            "l=EH1 L",
            "m=EH1 M",
            "n=EH1 N",
            "o=OW1",
            "p=P IY1",
            "q=K Y UW1",
            "r=AA1 R",
            "s=EH1 S",
            "t=T IY1",
            "u=Y UW1",
            "v=V IY1",
            "w=D AH1 B AH0 L Y UW0",
            "x=EH1 K S",
            "y=W AY1",
            "z=Z IY1",
        ]
    )
}


@cache
def cmudict() -> dict[str, str]:
    """Lower-case word -> ARPAbet phones apart by blanks; the first reading of each word."""
    text = lzma.decompress((DATA / "cmudict.txt.xz").read_bytes()).decode()
    return dict(line.split(" ", 1) for line in text.splitlines())


def in_dictionary(word: str) -> bool:
    """Whether CMUdict has the (lower-case) word."""
    return word in cmudict()
