"""Following a run: lines for programs, a live line for people, the output of agents and commands."""
