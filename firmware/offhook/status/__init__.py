"""What the phone says of itself."""
