"""What was spoken, held against what was to be said: faults with their places, and the times of words. Pure."""
