"""The SIP user agent core (RFC 3261 and friends), sans-IO: bytes and time in, events and bytes out."""
