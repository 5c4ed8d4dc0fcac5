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

STANDARD_MODULES = frozenset((
    "abc", "aifc", "annotationlib", "antigravity", "array", "asynchat", "asyncio", "asyncore", "atexit", "audioop",
    "binascii", "builtins", "bz2", "cProfile", "calendar", "cgi", "cgitb", "chunk", "cmath", "code", "codecs",
    "colorsys", "compileall", "compression", "concurrent", "configparser", "crypt", "ctypes", "curses", "dbm",
    "difflib", "distutils", "encodings", "ensurepip", "errno", "faulthandler", "fcntl", "filecmp", "fileinput",
    "ftplib", "gc", "genericpath", "getopt", "getpass", "graphlib", "grp", "gzip", "hmac", "html", "http",
    "idlelib", "imaplib", "imghdr", "imp", "io", "itertools", "lib2to3", "lzma", "mailbox", "mailcap", "marshal",
    "math", "mimetypes", "mmap", "modulefinder", "msilib", "msvcrt", "multiprocessing", "netrc", "nis", "nntplib",
    "nt", "ntpath", "nturl2path", "optparse", "os", "ossaudiodev", "pickle", "pickletools", "pipes", "pkgutil",
    "plistlib", "poplib", "posix", "posixpath", "profile", "pstats", "pty", "pwd", "py_compile", "pyclbr", "pydoc",
    "pydoc_data", "pyexpat", "readline", "resource", "rlcompleter", "runpy", "sched", "secrets", "select", "shelve",
    "shlex", "signal", "site", "smtpd", "smtplib", "sndhdr", "socketserver", "spwd", "sqlite3", "sre_compile",
    "sre_constants", "sre_parse", "stat", "statistics", "stringprep", "sunau", "symtable", "sys", "syslog",
    "tabnanny", "tarfile", "telnetlib", "termios", "this", "time", "timeit", "tkinter", "tomllib", "trace",
    "tracemalloc", "tty", "turtle", "turtledemo", "unicodedata", "uu", "venv", "wave", "webbrowser", "winreg",
    "winsound", "wsgiref", "xdrlib", "xmlrpc", "zipapp", "zipimport", "zlib", "zoneinfo",
))
"""The others of Python's own library, 3.11 to 3.14: tests may import them, and so may the product."""

TEST_LIBRARIES = frozenset((
    "approvaltests", "assertpy", "coverage", "ddt", "faker", "freezegun", "hamcrest", "httpretty",
    "hypothesis", "mock", "model_bakery", "moto", "parameterized", "polyfactory", "pytest_bdd",
    "pytest_benchmark", "pytest_django", "pytest_env", "pytest_httpserver", "pytest_httpx", "pytest_randomly",
    "pytest_rerunfailures", "pytest_snapshot", "pytest_subtests", "pytest_xdist", "requests_mock", "respx",
    "schemathesis", "snapshottest", "syrupy", "testcontainers", "testfixtures", "time_machine", "vcr",
))
"""Libraries that nobody imports but tests."""

RUNNER_PACKAGES = frozenset((
    ".bin", "jest", "@jest", "jest-cli", "vitest", "@vitest", "mocha", "ava", "tap", "tape", "jasmine", "expect",
    "chai", "sinon", "uvu", "karma", "@playwright", "cypress", "c8", "nyc", "ts-node", "tsx",
))
"""What a JavaScript run starts from node_modules."""
# fmt: on
