"""English abbreviations as words, and whether the dot behind one ends a sentence as well."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from synth.text.english.numbers import letters
from synth.text.english.tables import MONTHS, UNITS
from synth.text.symbols import word_list

# Before a name: the dot is never an end.
_TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Drs": "Doctors", "Prof": "Professor",
    "Gen": "General", "Capt": "Captain", "Lt": "Lieutenant", "Sgt": "Sergeant", "St": "Saint", "Rev": "Reverend",
    "Sen": "Senator", "Rep": "Representative", "Gov": "Governor", "Pres": "President", "Col": "Colonel",
    "Maj": "Major", "Adm": "Admiral", "Cmdr": "Commander", "Cpl": "Corporal", "Pvt": "Private", "Hon": "Honorable",
    "Msgr": "Monsignor", "Fr": "Father", "Supt": "Superintendent", "Amb": "Ambassador", "Mt": "Mount", "Ft": "Fort",
    "Atty": "Attorney", "Messrs": "Messieurs",
}  # fmt: skip
# Anywhere; at the end of a sentence the dot is its end too.
_WORDS = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire",
    "Co": "Company", "Cos": "Companies", "Corp": "Corporation", "Inc": "Incorporated", "Ltd": "Limited",
    "Bros": "Brothers", "Assn": "Association", "Intl": "International", "Natl": "National", "Univ": "University",
    "Inst": "Institute", "Dept": "Department", "dept": "department", "Govt": "Government", "govt": "government",
    "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane", "Hwy": "Highway", "Pkwy": "Parkway",
    "Sq": "Square", "Mt": "Mount", "Mts": "Mountains", "approx": "approximately", "etc": "et cetera",
    "vs": "versus", "incl": "including", "est": "established", "misc": "miscellaneous", "viz": "namely",
    "cf": "compare", "Ph.D": "P H D", "Tel": "Telephone", "tel": "telephone", "Mon": "Monday", "Tue": "Tuesday",
    "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday", "Thurs": "Thursday",
    "Fri": "Friday", "Sept": "September", "al": "al",
    **{month[:3]: month for month in MONTHS if month != "May"},
}  # fmt: skip
# Before a number only.
_BEFORE_NUMBERS = {
    "pp": "pages", "p": "page", "fig": "figure", "Fig": "Figure", "figs": "figures", "Figs": "Figures",
    "vol": "volume", "Vol": "Volume", "ch": "chapter", "Ch": "Chapter", "No": "number", "no": "number",
    "Nos": "numbers", "nos": "numbers", "Apt": "Apartment", "apt": "apartment", "Ste": "Suite", "Rm": "Room",
    "Fl": "Floor", "Bldg": "Building", "ext": "extension", "Ext": "Extension", "sec": "section", "Sec": "Section",
    "eq": "equation", "Eq": "Equation", "art": "article", "Art": "Article", "ca": "circa", "c": "circa",
    "max": "maximum", "Max": "Maximum", "min": "minimum", "Min": "Minimum",
}  # fmt: skip
# After a number, with a dot that may be written.
_AFTER_NUMBERS = {
    **{unit: UNITS[unit] for unit in ("ft", "lb", "lbs", "oz", "hr", "hrs", "min", "yd", "gal", "tbsp", "tsp")},
    "in": ("inch", "inches"), "mi": ("mile", "miles"), "mins": ("minute", "minutes"), "sec": ("second", "seconds"),
    "secs": ("second", "seconds"), "yrs": ("year", "years"), "mos": ("month", "months"), "wks": ("week", "weeks"),
    "sq. ft": ("square foot", "square feet"),
}  # fmt: skip
_PLAIN = (
    (r"\bi\.\s?e\.", "that is"),
    (r"\be\.\s?g\.", "for example"),
    (r"\bvs\b\.?", "versus"),
    (r"\b(Control|Ctrl|Alt|Shift|Cmd|Command|Option|Win|Fn)\s?\+\s?(?=\w)", r"\1 "),
    (r"\bCtrl\b", "Control"),
    (r"\b([A-Z])([A-Z]?)\s?&\s?([A-Z])\b", r"\1 \2 and \3"),  # AT&T, R&B
    (r"\bC#", "C sharp"),
    (r"\bC\+\+", "C plus plus"),
    (r"(?<!\w)\.NET\b", "dot net"),
    (r"(?<!\w)#(?=\d)", "number "),
    (r"\bv(?=\d+\.\d)", "version "),
    (r"\bw/o\b", "without"),
    (r"\bw/(?=\s)", "with"),
    (r"\ba/c\b", "A C"),
    (r"\bn/a\b|\bN/A\b", "not available"),
    (r"\bc/o\b", "care of"),
)
# Words that begin a sentence far more often than they follow an abbreviation inside one.
_STARTERS = frozenset(
    word_list(
        "The It He She They We You This That These Those A An In On At But And So My His Her Our Their There If When "
        "What Who Why How Where Please No Yes Is Are Do Does Did Then After Before For As I I'm I've It's Let's Not "
        "Now Some Many Most All Also However Meanwhile Later Next Today Tomorrow Yesterday While Although Because "
        "Since With From To By Can Could Would Will Was Were Have Has Its Nobody Everyone Each Every Here Only Once"
    )
)


def _ends_sentence(text: str, at: int) -> bool:
    """Whether a sentence ends at a position, by what comes after it."""
    rest = text[at:]
    behind = rest.lstrip("\"')]”’ \t")
    if not behind or behind[0] == "\n":
        return True
    if not rest[0].isspace() and rest[0] not in "\"')]”’":
        return False
    return re.split(r"[^A-Za-z']", behind, maxsplit=1)[0] in _STARTERS


def _spoken(words: str, match: re.Match[str]) -> str:
    dotted = match[0].rstrip().endswith(".")
    return words + ("." if dotted and _ends_sentence(match.string, match.end()) else "")


def _initials(match: re.Match[str]) -> str:
    return _spoken(letters(re.sub(r"[^A-Za-z]", "", match[0])), match)


def _half_of_day(match: re.Match[str]) -> str:
    return _spoken(f"{match[1].upper()} M", match)


def _after_number(match: re.Match[str]) -> str:
    one, many = _AFTER_NUMBERS[match[2]]
    return match[1] + " " + _spoken(one if match[1] == "1" else many, match)


def _one_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _initial_of_name(match: re.Match[str]) -> str:
    """The W. of George W. Bush; vitamin C. ends its sentence."""
    following = re.match(r"\s*([A-Za-z']+)", match.string[match.end() :])
    ends = following is not None and following[1] in _STARTERS and len(following[1]) > 1
    return match[0] if ends else match[1]


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    *((re.compile(pattern), words) for pattern, words in _PLAIN),
    (re.compile(r"\b([apAP])\.\s?[mM]\.?(?![A-Za-z])"), _half_of_day),
    (
        re.compile(r"\b([A-Z][a-z]+|\d+(?:st|nd|rd|th)) St\.(?=\s|,|$)"),
        lambda m: _spoken(f"{m[1]} Street", m),
    ),
    (re.compile(rf"\b({_one_of(_TITLES)})\.(?=\s?[A-Z])"), lambda m: _TITLES[m[1]]),
    (re.compile(rf"\b({_one_of(_BEFORE_NUMBERS)})\.\s?(?=\d|[IVX]+\b)"), lambda m: _BEFORE_NUMBERS[m[1]] + " "),
    (re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?)\s?({_one_of(_AFTER_NUMBERS)})\."), _after_number),
    (re.compile(rf"\b({_one_of(_WORDS)})\."), lambda m: _spoken(_WORDS[m[1]], m)),
    (re.compile(r"(?<![A-Za-z.])(?:[A-Za-z]\.){2,}(?![A-Za-z])|\b(?:[A-Z]\. ){1,3}[A-Z]\.(?= [A-Z][a-z])"), _initials),
    (re.compile(r"^([A-Z])\.(?=\s[A-Z][a-z])", re.MULTILINE), _initial_of_name),
    (re.compile(r"\b([A-Z][a-z]+ [A-Z])\.(?=\s[A-Z][a-z])"), _initial_of_name),
)  # fmt: skip


def expanded(text: str) -> str:
    """Words for abbreviations; a dot stays where a sentence ends with it."""
    for pattern, words in _RULES:
        text = pattern.sub(words, text)
    return text
