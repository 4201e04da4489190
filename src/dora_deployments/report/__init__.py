"""What the workflow's author sees: the log, the outputs and the job summary."""
