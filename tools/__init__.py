"""What is run on the project itself, and never as part of the action."""
