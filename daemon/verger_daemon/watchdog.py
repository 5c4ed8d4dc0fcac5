"""The daemon's own watchdog: it asks itself as any client does, and only a right answer feeds systemd's.

Not here: what the answer says (`standing.py`), and how systemd is told (`notify.py`).
"""

import asyncio
import hmac
import json
import logging
import os
import secrets
from pathlib import Path
from typing import Any

from verger_daemon.notify import Notices
from verger_daemon.standing import Standing

_log = logging.getLogger("vergerd")


class Unwell(Exception):
    """The daemon could not prove to itself that it is well: why."""


class Watchdog:
    """Feeds `notices` twice in the time that systemd gives, while the daemon at `socket` proves that it is well."""

    def __init__(self, notices: Notices, standing: Standing, socket: Path) -> None:
        self._notices = notices
        self._standing = standing
        self._socket = socket
        self._trouble = ""

    async def feed(self) -> None:
        """Goes on until it is cancelled. A trouble is told once, and feeds nothing."""
        within_s = self._notices.watchdog_s
        while True:
            is_well = await self._is_well(within_s / 8)
            if is_well:
                self._notices.well()
            # What fails once is tried again, some times, before systemd ends us for it.
            await asyncio.sleep(within_s / 2 if is_well else within_s / 16)

    async def _is_well(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                # In a thread: a disk may take its time, and the loop has none.
                await asyncio.to_thread(self._standing.write)
                await self._ask()
        except TimeoutError:
            self._tell(f"no answer within {within_s:g} s")
        except (OSError, ValueError, Unwell) as error:
            self._tell(str(error))
        else:
            self._tell("")
            return True
        return False

    async def _ask(self) -> None:
        """Raises Unwell for a wrong answer, and OSError or ValueError for none."""
        nonce = secrets.token_hex(32)
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            asked = {"jsonrpc": "2.0", "id": nonce, "method": "daemon.ping", "params": {"nonce": nonce}}
            writer.write(json.dumps(asked).encode() + b"\n")
            said = json.loads(await reader.readline())
        finally:
            writer.close()
        if why := self._flaw(nonce, said):
            raise Unwell(why)

    def _flaw(self, nonce: str, said: Any) -> str:
        """What is wrong with an answer; empty when it proves that this daemon is well."""
        found = said.get("result") if isinstance(said, dict) else None
        if not isinstance(found, dict) or said.get("id") != nonce or found.get("nonce") != nonce:
            return "the answer is none to what was asked"
        mac = str(found.get("mac")).encode()
        if (
            not hmac.compare_digest(mac, self._standing.mac(nonce).encode())
            or found.get("pid") != os.getpid()
        ):
            return "somebody else answers"
        if found.get("lock_held") is not True:
            return "the daemon's lock is lost"
        if found.get("journal_writable") is not True:
            return "nothing can be written to the daemon's folder, or it is full"
        return ""

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            _log.error("the watchdog is not fed: %s", trouble) if trouble else _log.info(
                "the watchdog is fed"
            )
