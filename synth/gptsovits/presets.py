"""Named ways of speaking, and what a request may change about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synth.errors import AssentError
from synth.gptsovits.sampling import SamplingParams
from synth.text.cutting import METHODS

DEFAULT_CUT = "cut5"


@dataclass(frozen=True)
class Delivery:
    """How freely to draw, how far to go towards the style clip's manner, and where the text is cut."""

    sampling: SamplingParams
    style_strength: float = 1.0
    cut_method: str = DEFAULT_CUT


PRESETS = {
    "stable": Delivery(SamplingParams(temperature=0.6, top_k=50)),
    "expressive": Delivery(SamplingParams(temperature=1.0, top_k=50), style_strength=1.25),
}
DEFAULT_PRESET = "stable"
_SAMPLING = {"temperature": float, "top_k": int, "top_p": float, "repetition_penalty": float}
PARAMETERS = frozenset({"preset", "cut_method", "style_strength", *_SAMPLING})


def delivery_of(params: Mapping[str, Any]) -> Delivery:
    """``preset`` and single values over it. Unknown names are refused: a typo must not pass in silence."""
    if unknown := sorted(params.keys() - PARAMETERS):
        raise AssentError(
            "parameter_unknown", f"There is no parameter {unknown[0]!r}.", extra={"known": sorted(PARAMETERS)}
        )
    name = params.get("preset", DEFAULT_PRESET)
    if name not in PRESETS:
        raise AssentError("parameter_unknown", f"Presets are {', '.join(PRESETS)}.", measured=str(name)[:40])
    delivery = PRESETS[name]
    changes = {key: _number(key, params[key], kind) for key, kind in _SAMPLING.items() if key in params}
    strength = _number("style_strength", params.get("style_strength", delivery.style_strength), float)
    cut_method = params.get("cut_method", delivery.cut_method)
    if cut_method not in METHODS:
        raise AssentError(
            "parameter_unknown", f"Cut methods are {', '.join(METHODS)}.", measured=str(cut_method)[:40]
        )
    return Delivery(replace(delivery.sampling, **changes), strength, cut_method)


def _number(name: str, value: Any, kind: type) -> Any:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or (kind is int and value != int(value))
    ):
        raise AssentError("parameter_out_of_range", f"{name} must be a number.", measured=str(value)[:40])
    return kind(value)
