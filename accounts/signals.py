"""What follows from events in other libraries: a new account gets its log entry and an organisation."""

from __future__ import annotations
