"""What every Django room stands on: identifiers, error shapes, wake-up calls, uploads, rate limits."""
