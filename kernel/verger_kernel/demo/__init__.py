"""The demo: a small real repository, a playbook of five items and an agent that plays a scenario."""
