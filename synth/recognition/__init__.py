"""Hearing what was said, in any language: Whisper base by CTranslate2. Pure: arrays in, text and times out."""

MODEL_FOLDER = "whisper-base"
