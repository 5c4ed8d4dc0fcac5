"""The playbook: `markdown_playbook_v1` from text to plan. Start reading at `reader.py`."""
