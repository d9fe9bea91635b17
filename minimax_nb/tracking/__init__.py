"""From a song that is requested to a song on disk: its steps, when to poll, and who waits."""
