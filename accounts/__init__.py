"""Four rooms of one app: `people`, `voices`, `consent`, and `gates` (pure measurements of a recording, knows no rows).

Inside each: `models` (constraints in the database), `services` (every write, with its audit entry in the same
transaction), `selectors` (every read; the access rule, once), `serializers` + `api` and `views` (doors). Models,
selectors and services of consent know voices, those of voices know people, none looks up; the doors stand above and
call whichever room they need.
"""
