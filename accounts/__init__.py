"""People, organisations and keys; voices, clips and styles; consent: asked, checked, granted, withdrawn.

Inside: `models` (constraints in the database), `services` (every write, with its audit entry in the same
transaction), `selectors` (every read; the access rule, once), `api` + `serializers` (doors), `gates` (pure
measurements of a recording, knows no rows).
"""
