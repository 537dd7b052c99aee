"""The media process: one thread clocked by the capture device."""
