"""Text that wants to be a command, a tag, a link, an end of line or an end of file."""

from hypothesis import strategies as st

FRAGMENTS = (
    *("::", "##[", "]", "%0A", "%0D", "%25", "%3A", "%", "=", "<<", "=<<", ",", ";", ":", "#"),
    *("\n", "\r", "\r\n", "\t", "\v", "\f", "\0", "\x1b[31m", "\x1c", "\x7f", "\x85", "\x9b"),
    *("\u2028", "\u2029", "\u00a0", "\u3000", "\u180e", "\u200b", "\u200d", "\u202e", "\u2066"),
    *("\ufeff", "\U000e0041", "\ud800", "\udfff", " ", "  ", "\u2000", "\u1680"),
    *("error", "warning", "add-mask", "stop-commands", "set-output name=status", "endgroup"),
    *("<script>", "</code>", "</td>", "<!--", "-->", "<![CDATA[", "<br>", "&lt;", "&#60;", "&"),
    *("`", "``", "```", "~~~", "|", "*", "_", "[x](y)", "![x](y)", "<https://x.test>", "\\"),
    *("@grace", "https://x.test", "www.x.test", "HTTP://", "grace@x.test", "#12", "'", '"'),
    *("$(id)", "${{ github.token }}", "`id`", "$HOME", "; rm -rf", "&& id", "| id", "> /x", "!"),
    *("dora_", "EOF", "status", "shop", "\u5e97", "\U0001f6d2", "e\u0301"),
)
TEXT = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=12).map(
    "".join
)
"""Any text, halves of surrogate pairs included, as a payload may hold them."""
