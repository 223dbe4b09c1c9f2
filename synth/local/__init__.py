"""The embedded servers and the supervisor behind ``make up``; standard library only.

``psycopg2`` is the one exception: it is imported inside the functions that speak to a database, so that
``manage.py`` can use the rest before any package is installed.
"""
