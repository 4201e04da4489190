"""Every row of the fault matrix about input (56 to 108), with the message a person would see.

`inputs` and `events` list the cases; beside them stands one text file for each, for people
to read. `python -m tools.messages` writes the files anew.
"""
