"""The job summary of a run of each kind, as GitHub is given it.

`cases` tells what happened; beside it stands one Markdown file for each case. `make messages`
writes the files anew, and `make pictures` draws them as GitHub shows them.
"""
