"""The data partition: mended, made anew, grown."""
