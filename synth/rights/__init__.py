"""What people may ask of the operator: feedback, take-down, a copy, erasure, reports; and how long things are kept."""
