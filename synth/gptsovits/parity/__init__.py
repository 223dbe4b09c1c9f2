"""The networks against recorded results of the original; and the original's own way, where it is not ours."""
