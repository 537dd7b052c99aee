"""What the person and the line mean to each other: the phone machine and its dial plan."""
