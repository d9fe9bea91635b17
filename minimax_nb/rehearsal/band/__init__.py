"""A reference and lyrics in, an mp3 out. Knows no HTTP."""
