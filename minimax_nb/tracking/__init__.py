"""From a song that is asked for to a song on disk: its steps, when to poll, and who waits."""
