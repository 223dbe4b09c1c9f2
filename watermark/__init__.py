"""What was marked, and what a mark found in a file proves."""
