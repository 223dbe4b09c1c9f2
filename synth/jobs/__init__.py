"""Requests to speak: jobs, their progress, and the outputs that were released."""
