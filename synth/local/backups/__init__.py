"""Backups of a running installation, and installations made from them.

A backup is one folder, ``assent-TIME`` (UTC):

    manifest.json   every file with its size and SHA-256, the release, the size of the log
    keys.sealed     the key files, encrypted under a passphrase; opened only with exactly this manifest
    database.dump   pg_dump's archive: one snapshot
    data/           what lies beside the database: media, the log's copies, certificates, keys.json
    models/         fine-tuned weights of voices; all other model files are fetched again

It is written in an order that a restore can use, while everything goes on:

1. the media, most of the bytes;
2. ``log/``: the checkpoint kept outside the database must not be ahead of the snapshot, or the log could not go on;
3. the database;
4. the media that came meanwhile. A file that a row of the snapshot names is in one of the two passes: files are
   never changed, and one that was deleted meanwhile was deleted on purpose.

The keys are compared before and after: a log key that was replaced meanwhile would not fit the snapshot.
"""
