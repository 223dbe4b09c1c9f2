"""People, organisations and their members, the keys by which programs act for them, and who may do what."""
