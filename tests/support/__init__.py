"""What several test rooms share: virtual time, peers, cards, the phone as a child process."""
