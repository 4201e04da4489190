"""Which changes of the program no test would notice."""
