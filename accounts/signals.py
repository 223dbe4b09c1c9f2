"""What follows from events in other libraries: a new account gets its log entry and an organisation to act for."""

from __future__ import annotations
