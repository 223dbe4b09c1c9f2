"""Which rules an installation follows: profiles, what each asks of the software, and how it is met here. Pure.

The table is `data/profiles.toml`. It drives the service, the conformity page, `manage.py profile` and
docs/conformity.md. It is no legal advice.
"""
