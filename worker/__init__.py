"""The processes that compute: tasks that take ids and call services, resident models, upkeep."""
