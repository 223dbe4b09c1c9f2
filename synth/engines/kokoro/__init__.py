"""The natural engine of a machine without GPT-SoVITS: Kokoro-82M on the CPU, in the voice and manner of a clip."""
