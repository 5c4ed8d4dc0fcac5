"""How agents and commands are started, limited and swept."""
