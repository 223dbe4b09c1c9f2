"""What a file is: sound, marks and records measured, then one verdict. Pure: rows, keys and models come as arguments.

    survey -> examination (search, agreement) -> findings -> verdict

`findings`, `verdict` and `spans` need only the standard library, so that the web process can read them.
"""
