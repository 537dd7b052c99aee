"""Signal processing on numpy int16 frames."""
