"""The folder on disk: the journal, the songs and the references. Knows no network."""
