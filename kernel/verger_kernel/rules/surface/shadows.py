"""Names that a test run imports or starts: a file of the repository by such a name takes the runner's place.

Not here: which paths are found by import; see `kinds.py`.
"""

PYTHON_FOLDERS = frozenset(("", "src", "lib", "tests", "test", "python"))
"""Folders that lie on Python's path in the usual layouts; the empty one is the top of the repository."""

# fmt: off
PYTHON_RUNNERS = frozenset((
    "pytest", "_pytest", "pluggy", "iniconfig", "unittest", "nose", "nose2", "xdist", "execnet", "pytest_cov",
    "pytest_asyncio", "pytest_timeout", "pytest_mock", "tox", "nox", "doctest",
))
"""Modules that are a runner, or a part of one."""

# Written out: what an interpreter says of its own library differs from one to the next. Each was tried: with an empty
# module of that name at the top, `python -m pytest` or `python -m unittest` breaks, so honest work cannot have one.
PYTHON_MODULES = frozenset((
    "_weakrefset", "argparse", "ast", "base64", "bdb", "bisect", "cmd", "codeop", "collections", "contextlib",
    "contextvars", "copy", "copyreg", "csv", "dataclasses", "datetime", "decimal", "dis", "email", "enum",
    "fnmatch", "fractions", "functools", "gettext", "glob", "hashlib", "heapq", "importlib", "inspect",
    "ipaddress", "json", "keyword", "linecache", "locale", "logging", "numbers", "opcode", "operator",
    "pathlib", "pdb", "platform", "pprint", "pygments", "queue", "quopri", "random", "re", "reprlib",
    "selectors", "shutil", "socket", "ssl", "string", "struct", "subprocess", "sysconfig", "tempfile",
    "textwrap", "threading", "token", "tokenize", "traceback", "types", "typing", "urllib", "uuid", "warnings",
    "weakref", "xml", "zipfile",
))
"""Modules that a Python runner imports before the first test."""

RUNNER_PACKAGES = frozenset((
    ".bin", "jest", "@jest", "jest-cli", "vitest", "@vitest", "mocha", "ava", "tap", "tape", "jasmine", "expect",
    "chai", "sinon", "uvu", "karma", "@playwright", "cypress", "c8", "nyc", "ts-node", "tsx",
))
"""What a JavaScript run starts from node_modules."""
# fmt: on
