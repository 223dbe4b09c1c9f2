"""What a request may say about how it is spoken, and within which limits.

The web process does not load engines, so the limits stand here; a test holds them to those of the engine. An engine
names what it supports, and what it does not support is ignored with a warning, never in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from synth.errors import AssentError

PRESETS: dict[str, Promise] = {
    "stable": _("even, close to the clip's average"),
    "expressive": _("livelier, further towards the clip"),
}
CUT_METHODS: dict[str, Promise] = {
    "cut0": _("at line ends only"),
    "cut1": _("every four clauses"),
    "cut2": _("about every 50 characters"),
    "cut3": _("at Chinese full stops"),
    "cut4": _("at English full stops"),
    "cut5": _("at every mark"),
}
#: Parameters that name one of several things.
CHOICES = {"preset": PRESETS, "cut_method": CUT_METHODS}
MAX_BLENDED_STYLES = 4


@dataclass(frozen=True)
class Parameter:
    """A number of a request: its limits, its step in a form, and words about it."""

    name: str
    low: float
    high: float
    step: float
    label: Promise
    help: Promise

    @property
    def is_whole(self) -> bool:
        return self.step == 1


PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "temperature", 0.0, 2.0, 0.05, _("Temperature"), _("How freely is drawn; 0 is always the likeliest.")
        ),
        Parameter("top_k", 1, 1024, 1, _("Top-k"), _("Draw among so many likeliest codes.")),
        Parameter("top_p", 0.01, 1.0, 0.01, _("Top-p"), _("Draw among the likeliest codes up to this probability.")),
        Parameter(
            "repetition_penalty", 1.0, 3.0, 0.05, _("Repetition penalty"), _("Above 1, what was said is less likely.")
        ),
        Parameter(
            "style_strength", 0.0, 2.0, 0.05, _("Style strength"),
            _("0 is the voice's own manner, 1 the clip's; more exaggerates."),
        ),
    )
}  # fmt: skip


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a request, as they are kept with its job; a null says nothing.

    Raises AssentError ``parameter_unknown`` and ``parameter_out_of_range``.
    """
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name in CHOICES:
            kept[name] = _choice(name, value)
        elif name in PARAMETERS:
            kept[name] = _number(PARAMETERS[name], value)
        else:
            known = [*CHOICES, *PARAMETERS]
            raise AssentError(
                "parameter_unknown", "There is no parameter of this name.", measured=str(name)[:40], limit=known,
                extra={"param": "parameters"},
            )  # fmt: skip
    return kept


def _choice(name: str, value: Any) -> str:
    known = list(CHOICES[name])
    if not isinstance(value, str) or value not in known:
        raise AssentError(
            "parameter_unknown", f"{name} is one of {', '.join(known)}.", measured=str(value)[:40], limit=known,
            extra={"param": name},
        )  # fmt: skip
    return value


def _number(parameter: Parameter, value: Any) -> float | int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if (
        not is_number
        or not parameter.low <= value <= parameter.high
        or (parameter.is_whole and value != int(value))
    ):
        raise AssentError(
            "parameter_out_of_range",
            f"{parameter.name} is a {'whole ' if parameter.is_whole else ''}number"
            f" from {parameter.low:g} to {parameter.high:g}.",
            measured=value if is_number else str(value)[:40],
            limit=[parameter.low, parameter.high],
            extra={"param": parameter.name},
        )
    return int(value) if parameter.is_whole else float(value)
