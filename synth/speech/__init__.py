"""Speech put together: a marked-up text spoken part by part, each in its own style, pace and pitch. Pure."""
