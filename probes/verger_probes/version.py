"""The version of the distribution, once; the build reads it from here.

Not here: versions of file formats and of the state machine; each stands beside its format.
"""

VERSION = "0.1.0"
