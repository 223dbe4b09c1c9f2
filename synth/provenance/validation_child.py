"""The child process of `synth.provenance.validation`: a job on standard input, a `Validation` on standard output.

Its limits are set before any byte of the file is read; without a manifest it prints nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from synth.confinement import limit_self


def main() -> None:
    limit_self(json.loads(sys.argv[1]))
    job = json.loads(sys.stdin.read())
    from synth.provenance.credentials import validate

    found = validate(Path(job["path"]).read_bytes(), job["media_type"], anchors=job["anchors"])
    if found is not None:
        sys.stdout.write(found.to_json())


if __name__ == "__main__":
    main()
