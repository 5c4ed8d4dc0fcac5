"""The worker: reformats the Python files below the allowed roots, for real.

Not here: anything about git; the kernel records what changed.
"""

import subprocess
import sys

from call import read_task, write_report

task = read_task()
roots = task["allowed_write_roots"]
command = [sys.executable, "-m", "ruff", "format", "--line-length", "88", "--no-cache", *roots]
done = subprocess.run(command, cwd=task["worktree"], capture_output=True, text=True, check=False)
print(done.stdout, done.stderr)
write_report(
    task,
    verdict="implemented" if done.returncode == 0 else "blocked",
    summary=done.stdout.strip() or done.stderr.strip(),
)
