"""Model files: what there is, bringing it here from any carrier, and knowing that it is what its hash says.

Standard library only: the set-up uses it before a package is installed.
"""
