"""What GitHub remembers, reported as if it had been told then."""
