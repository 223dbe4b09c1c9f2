"""What is written on a finished file to say where it comes from. Pure: bytes in, bytes out.

Every writer here runs on encoded audio and leaves the sound untouched. A signature over the file's bytes
must be the last of them: whatever is written after it breaks it.
"""
