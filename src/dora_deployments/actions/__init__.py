"""Where it comes from: the inputs, the run and the event that GitHub wrote down."""
