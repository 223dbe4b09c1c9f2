"""Writes of what people asked for; callers import from here, the modules below are one per subject."""

from synth.rights.services.biometrics import acknowledge
from synth.rights.services.feedback import answer_feedback, give_feedback
from synth.rights.services.persons import close_account, copy_of
from synth.rights.services.retention import sweep
from synth.rights.services.take_downs import ask_for_take_down, decide_take_down
from synth.rights.services.usage import erasure_receipt, report_project, report_use

__all__ = [
    "acknowledge",
    "answer_feedback",
    "ask_for_take_down",
    "close_account",
    "copy_of",
    "decide_take_down",
    "erasure_receipt",
    "give_feedback",
    "report_project",
    "report_use",
    "sweep",
]
