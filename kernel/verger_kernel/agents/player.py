"""The scripted agent's process: `python -P -m verger_kernel.agents.player SCENARIO`, the task on stdin.

Not here: what it does; see `playing.py`.
"""

import gc
import sys

if __name__ == "__main__":
    # Modules are no garbage, and no agent plays for long enough to make any worth a look.
    gc.disable()
    from verger_kernel.agents.playing import main

    gc.freeze()
    sys.exit(main(sys.argv[1:]))
