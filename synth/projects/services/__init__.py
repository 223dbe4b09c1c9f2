"""Writes of projects; callers import from here, the modules below are one per subject.

a line:  waiting -> speaking -> done | failed | cancelled
            ^----------'            |
            '---- edited, redone ---'
"""

from synth.projects.services.changing import cancel_project, edit_line, redo_line, retry_project
from synth.projects.services.exporting import Archive, export_lines
from synth.projects.services.feeding import advance, follow, sweep_projects
from synth.projects.services.making import create_project
from synth.projects.services.tracks import (
    Laid,
    TrackLost,
    ask_track,
    begin_track,
    complete_track,
    fail_track,
    open_track,
    parts_of,
    reap_tracks,
    track_beats,
    wake_next_track,
)
from synth.projects.services.upkeep import forget_texts, sweep_tracks

__all__ = [
    "Archive",
    "Laid",
    "TrackLost",
    "advance",
    "ask_track",
    "begin_track",
    "cancel_project",
    "complete_track",
    "create_project",
    "edit_line",
    "export_lines",
    "fail_track",
    "follow",
    "forget_texts",
    "open_track",
    "parts_of",
    "reap_tracks",
    "redo_line",
    "retry_project",
    "sweep_projects",
    "sweep_tracks",
    "track_beats",
    "wake_next_track",
]
