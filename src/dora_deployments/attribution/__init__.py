"""What was deployed, by whose identity, and what the backends are told it carries."""
