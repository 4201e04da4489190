"""What the input `mode` names: each takes the run's context and fills in its account."""
