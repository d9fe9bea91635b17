"""The provider's HTTP: calls out, plain values in. Knows no disk and no page."""
