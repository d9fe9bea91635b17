"""The provider's contract over HTTP, and the faults it can be told to commit. Knows no music."""
