"""docs/security.md names what the daemon keeps of an environment.

Not here: that its links lead to files; see tests/test_house.py.
"""

import re
from pathlib import Path

from verger_daemon.beginning import REMEMBERED

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8").split())


def test_the_environment_on_record_is_what_the_page_says() -> None:
    (said,) = re.findall(r"The roster keeps (.*) and five `XDG_…`", PAGE)
    assert set(re.findall(r"`(\w+)`", said)) == {one for one in REMEMBERED if not one.startswith("XDG_")}
    assert len([one for one in REMEMBERED if one.startswith("XDG_")]) == 5
