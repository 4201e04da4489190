"""Stand in for GitHub: a real git history, and a server that answers for it as GitHub would.

`history.History` is what happened, `standin.GitHub` serves it. See there.
"""
