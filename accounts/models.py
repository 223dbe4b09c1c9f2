"""Where Django looks for this app's tables. Whoever needs one imports it from its room."""

import accounts.consent.models
import accounts.people.models
import accounts.voices.models  # noqa: F401
