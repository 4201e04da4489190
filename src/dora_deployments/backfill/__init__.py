"""What GitHub remembers of the past, reported as if it had been told then."""
