"""Names that stand in Content Credentials; apart, so that the web process need not load what signs them."""

MEDIA_TYPE = "application/c2pa"
KEYED_MARK_ALGORITHM = "org.assent.keyed-mark.1"
"""Our soft binding's name: of this project, not of the public list, whose names belong to other resolvers."""
RECORD_ASSERTION = "org.assent.record"
EMBEDDED = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac"}
"""Formats that carry a manifest, with their media types; every other gets one beside it."""
