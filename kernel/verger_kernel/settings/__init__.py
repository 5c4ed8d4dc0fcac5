"""The settings of a run: which there are, where they are read, and which place wins.

Not here: the policy that comes of them; see `rules/policy.py`.
"""

import os

# Whoever installs something beside Verger has no say in what it reads, and to look for such plugins in every
# distribution there is takes a tenth of the start. Children get no variable that is not on their list.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
