"""What a cell or a terminal shows."""
