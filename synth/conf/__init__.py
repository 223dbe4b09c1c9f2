"""How the rooms are put together: settings, urls, asgi, system checks."""
