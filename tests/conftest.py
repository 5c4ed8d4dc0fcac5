"""What every test stands on: a known environment and the same examples each time.

Not here: builders of repositories and runs; see tests/doubles.
"""

import os

import hypothesis

# The same examples on every machine, and no folder of remembered ones; a slow machine fails nobody.
hypothesis.settings.register_profile(
    "verger", derandomize=True, database=None, deadline=None, max_examples=60
)
# `make sweep` takes this one: as many as a person has patience for.
hypothesis.settings.register_profile("sweep", hypothesis.settings.get_profile("verger"), max_examples=1000)
hypothesis.settings.load_profile("verger")

# Who runs the tests from a git hook, or with Verger's own settings exported, gets the same answers.
for _name in [name for name in os.environ if name.startswith(("GIT_", "VERGER_", "XDG_"))]:
    del os.environ[_name]
