"""What a gate says, and how gates become a decision."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

Outcome = Literal["pass", "review", "fail", "skipped"]
Decision = Literal["approved", "needs_review", "rejected"]


@dataclass(frozen=True)
class Gate:
    """One measured condition.

    ``measured`` and ``limit`` are JSON values in ``unit``; ``code`` is stable and empty when there is nothing
    to say; ``message`` tells the speaker what was found and what to do about it. A gate that passes with a
    code is a warning: it blocks nothing.
    """

    name: str
    outcome: Outcome
    measured: Any = None
    limit: Any = None
    unit: str = ""
    code: str = ""
    message: str = ""


@dataclass
class GateReport:
    """All gates of one recording and what was learnt on the way.

    ``speaker_embedding``: float32 (256,), unit length, or None when it was not measured. ``fingerprint``: see
    `replay`. ``duration_ms`` and ``sample_rate_hz`` are those of the recording as it came.
    """

    gates: list[Gate]
    duration_ms: int
    sample_rate_hz: int
    speaker_embedding: np.ndarray | None = None
    fingerprint: bytes = b""
    model_versions: dict[str, str] = field(default_factory=dict)

    @property
    def decision(self) -> Decision:
        return decide(self.gates)

    @property
    def reasons(self) -> list[str]:
        """Codes of every gate that failed, else of every gate that asks for a reviewer."""
        for outcome in ("fail", "review"):
            codes = [gate.code for gate in self.gates if gate.outcome == outcome]
            if codes:
                return codes
        return []

    def gate(self, name: str) -> Gate:
        """The gate called ``name``; KeyError when it is not in this report."""
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise KeyError(name)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; the fingerprint in base64."""
        embedding = self.speaker_embedding
        return {
            "decision": self.decision,
            "reasons": self.reasons,
            "gates": [asdict(gate) for gate in self.gates],
            "speaker_embedding": None if embedding is None else [round(float(v), 7) for v in embedding],
            "fingerprint": base64.b64encode(self.fingerprint).decode("ascii"),
            "duration_ms": self.duration_ms,
            "sample_rate_hz": self.sample_rate_hz,
            "model_versions": dict(self.model_versions),
        }


def decide(gates: Iterable[Gate]) -> Decision:
    """Any failure rejects; else any doubt goes to a reviewer; else approved. Nothing measured is a doubt."""
    outcomes = {gate.outcome for gate in gates}
    if "fail" in outcomes:
        return "rejected"
    if "review" in outcomes or "pass" not in outcomes:
        return "needs_review"
    return "approved"


# A stage names its gates (so that they can be reported as skipped) and measures them together.
Stage = tuple[tuple[str, ...], Callable[[], list[Gate]]]


def run_stages(stages: Iterable[Stage]) -> list[Gate]:
    """Measure stage by stage, cheapest first; after a stage with a failure the rest is skipped.

    Within a stage everything is measured, so that the speaker hears all reasons of that stage at once.
    """
    gates: list[Gate] = []
    stopped = False
    for names, measure in stages:
        if stopped:
            gates += [
                Gate(name, "skipped", message="Not measured: an earlier condition failed.") for name in names
            ]
            continue
        found = measure()
        gates += found
        stopped = any(gate.outcome == "fail" for gate in found)
    return gates
