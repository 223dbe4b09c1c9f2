"""Training AudioSeal's architecture from scratch on sound made by this machine.

`config` what to train, `voices` and `material` the sound, `sounds` what is not speech, `data` batches,
`attacks` edits that let gradients through, `losses` how well it is found, `tones` where in the spectrum it lies,
`networks` the package's classes, `checkpoints` and `loop` the training, `borders` that of the network for borders,
`evaluation` figures. Run by `manage.py train_audioseal`.
"""
