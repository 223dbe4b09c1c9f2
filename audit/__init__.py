"""The append-only log: what was allowed, spoken, released and revoked, in a tree that can be proved."""
