"""Writes of jobs; callers import from here, the modules below are one per subject.

States move only forward and only by conditional UPDATE, so that of two processes one wins:

    queued -> running -> released | failed | cancelled
       ^---------'  (reaped: its worker was lost)
"""

from synth.jobs.services.listening import Listener, leave, open_stream, wait_for_sound
from synth.jobs.services.naming import OPENAI_NAMES, remove_voice_name, set_voice_name
from synth.jobs.services.noticing import MAX_WORDING, notice_for, remove_rule, set_rule
from synth.jobs.services.noticing import REASONS as NOTICE_REASONS
from synth.jobs.services.piecewise import (
    GrowingFile,
    Known,
    begin_stream,
    complete_stream,
    know_stream,
    release_piece,
    require_permitted,
)
from synth.jobs.services.pronouncing import MAX_WORDS, put_word, remove_word, save_dictionary, words_of
from synth.jobs.services.quotas import set_key_limits, set_organisation_limits
from synth.jobs.services.releasing import (
    OUTPUT_FOLDER,
    Finished,
    JobStopped,
    beat,
    claim_job,
    fail_job,
    release_job,
    stop_job,
)
from synth.jobs.services.serving import (
    TAKE_DOWN_REASONS,
    cancel_job,
    job_error,
    open_output,
    record_download,
    refusal_to_serve,
    refuse_unserved,
    shown_state,
    take_down_output,
    wait_for_job,
)
from synth.jobs.services.submitting import (
    LONG_TEXT_LIMIT,
    SPEED_RANGE,
    TEXT_LIMIT,
    WEIGHT_RANGE,
    Order,
    order,
    submit_job,
)
from synth.jobs.services.upkeep import MAX_ATTEMPTS, reap_jobs, sweep_staged_files

__all__ = [
    "LONG_TEXT_LIMIT",
    "MAX_ATTEMPTS",
    "MAX_WORDING",
    "MAX_WORDS",
    "NOTICE_REASONS",
    "OPENAI_NAMES",
    "OUTPUT_FOLDER",
    "SPEED_RANGE",
    "TAKE_DOWN_REASONS",
    "TEXT_LIMIT",
    "WEIGHT_RANGE",
    "Finished",
    "GrowingFile",
    "JobStopped",
    "Known",
    "Listener",
    "Order",
    "beat",
    "begin_stream",
    "cancel_job",
    "claim_job",
    "complete_stream",
    "fail_job",
    "job_error",
    "know_stream",
    "leave",
    "notice_for",
    "open_output",
    "open_stream",
    "order",
    "put_word",
    "reap_jobs",
    "record_download",
    "refusal_to_serve",
    "refuse_unserved",
    "release_job",
    "release_piece",
    "remove_rule",
    "remove_voice_name",
    "remove_word",
    "require_permitted",
    "save_dictionary",
    "set_key_limits",
    "set_organisation_limits",
    "set_rule",
    "set_voice_name",
    "shown_state",
    "stop_job",
    "submit_job",
    "sweep_staged_files",
    "take_down_output",
    "wait_for_job",
    "wait_for_sound",
    "words_of",
]
