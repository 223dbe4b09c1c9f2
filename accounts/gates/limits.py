"""Every threshold of the gates, in one place, with its unit. docs/gates.md says how each was found."""

from __future__ import annotations

RATE_HZ = 16_000  # all gates work on mono at this rate

# Consent recordings.
CONSENT_MIN_S = 4.0
CONSENT_MAX_S = 60.0

# Style clips: what GPT-SoVITS takes as a reference.
STYLE_MIN_S = 3.0
STYLE_MAX_S = 10.0

# Level.
MIN_RATE_HZ = 8_000
QUIET_PEAK_DBFS = -40.0  # below this the recording is refused as too quiet
MAX_CLIPPED_SHARE = 0.005  # of all samples, in flat runs
CLIPPED_RUN_SAMPLES = 3

# Signal to noise.
SNR_PASS_DB = 20.0
SNR_FAIL_DB = 15.0

# Speech.
MIN_SPEECH_RATIO = 0.5
MIN_SPEECH_S = 3.0
MIN_STYLE_SPEECH_S = 2.0

# One speaker: the least alike windows of the recording (2nd percentile of all pairs' cosines).
SINGLE_SPEAKER_FAIL_COSINE = 0.60
SINGLE_SPEAKER_PASS_COSINE = 0.65
SINGLE_SPEAKER_PERCENTILE = 2.0

# Replay: bit error rate against an earlier recording.
REPLAY_FAIL_BER = 0.20
REPLAY_REVIEW_BER = 0.32  # challenge words; the statement part is in doubt below the first limit only

# Challenge words.
WORDS_TO_PASS = 5

# The second recogniser (provisional: set on neural and formant speech; docs/gates.md).
WITNESS_NAME_NATS = 6.0  # likelier than the nearest other name, day, month or year; from 0 on a doubt
WITNESS_ORGANISATION_NATS = 6.0
WITNESS_WORD_NATS = 2.0
WITNESS_WORDS_DOUBTED = 4
WITNESS_ERROR_SHARE = 0.25  # of the statement's words, put in, missing or written differently
WITNESS_INSERTED = 3

# Where one recogniser alone knows the language: shares by which what was written may differ, in sounds.
ALONE_ERROR_SHARE = 0.25  # of the statement, or of the list of purposes
ALONE_INSERTED_SHARE = 0.04  # of the statement, in one place
ALONE_NAME_APART = 0.25
ALONE_NAME_EDITS = 1  # sounds of the name of a person or an organisation
ALONE_WORD_APART = 0.34
ALONE_WORD_LIKE = 0.7  # beyond: nothing like the word was written, and no margin makes up for it
ALONE_WRITTEN_NATS = 3.0  # of a date that is written as well
ALONE_ANOTHER = 0.6  # beyond: another name, date or list was written
ALONE_NOTHING_LIKE_IT = 0.75  # beyond: something else altogether

# Speaker match: cosine of utterance embeddings.
SPEAKER_PASS_COSINE = 0.80
SPEAKER_FAIL_COSINE = 0.70
PROTECTED_COSINE = 0.80

# Speech inside the recording that no recognised word accounts for.
UNEXPLAINED_SPEECH_S = 0.6

# Words of a style clip that are heard, as a share of those that count.
TRANSCRIPT_PASS_SHARE = 0.8
TRANSCRIPT_FAIL_SHARE = 0.35
TRANSCRIPT_WRITTEN_PASS_SHARE = 0.95  # written down freely, in sounds: one wrong word of twenty

# Expression of a style clip: beyond any of these a warning is given.
EXTREME_RANGE_ST = 20.0
EXTREME_JUMPS_PER_S = 8.0
EXTREME_TREMBLE_SHARE = 0.55
EXTREME_VOICED_SHARE = 0.3
