"""What is written on the file itself, for machines to read: the AIGC label. Pure bytes in, bytes out.

Every writer leaves the decoded samples untouched; every reader takes hostile bytes and answers a label, None, or
nothing at all about what it cannot read. Signing, when it comes, is the last write to the bytes.
"""
