"""The cards of the studio, one a file."""
