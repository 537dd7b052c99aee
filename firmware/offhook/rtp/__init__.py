"""RTP and RTCP (RFC 3550), jitter buffer, telephone events (RFC 4733)."""
