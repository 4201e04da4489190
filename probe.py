"""Print which Python this is, and which modules that the action needs it lacks.

One line of three fields, `Python 3.11.2|json, csv|ensurepip`: the version, the missing modules,
and `ensurepip` if a pip can be made. launch.sh starts it on each Python that it finds, before
anything else: so it runs on Python 3.6 too, imports little, and hardly costs more than the start.
Arguments name further modules that this run needs.
"""

import sys

# What this program and its packages import of the standard library, apart from what is always
# there. Debian's python3-minimal lacks json and a dozen others.
NEEDED = """
    __future__ array ast atexit base64 binascii bisect calendar collections contextlib copy
    copyreg csv dataclasses datetime decimal difflib email enum errno fnmatch fractions
    functools gc hashlib heapq hmac html http importlib inspect io ipaddress itertools json
    linecache locale logging math mimetypes netrc numbers os pathlib pickle pkgutil platform
    pprint queue quopri random re reprlib secrets select selectors shutil signal socket ssl
    stat string stringprep struct subprocess sys tempfile textwrap threading time tokenize
    traceback types typing unicodedata urllib uuid warnings weakref zipfile zlib
"""
# Compiled modules that fail to load where a library of the system is missing.
COMPILED = ("_ssl", "_sqlite3")
MOST_NAMES = 8


def is_missing(name: str) -> bool:
    """Return whether there is no such module, or one that cannot be loaded."""
    if name in COMPILED:
        try:
            __import__(name)
        except ImportError:
            return True
        return False
    return not any(finder.find_spec(name, None) for finder in sys.meta_path)


missing = [name for name in (*NEEDED.split(), "_ssl", *sys.argv[1:]) if is_missing(name)]
lacks = ", ".join(missing[:MOST_NAMES])
if len(missing) > MOST_NAMES:
    lacks += f" and {len(missing) - MOST_NAMES} more"
version = ".".join(str(number) for number in sys.version_info[:3])
pip = "" if is_missing("ensurepip") else "ensurepip"
sys.stdout.write("|".join(["Python " + version, lacks, pip]) + "\n")
