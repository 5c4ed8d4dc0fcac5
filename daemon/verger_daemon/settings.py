"""Every knob of the daemon, and where its value came from: defaults < daemon.toml < VERGERD_* < flags.

Not here: the policy of a run, which is the repository's and not the daemon's; see `verger_kernel.settings`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

PREFIX = "VERGERD_"
Source = Literal["default", "file", "env", "flag"]


class Settings(BaseModel, extra="forbid"):
    """The daemon's settings; units are in the names."""

    probe_interval_ms: int = Field(default=1000, ge=100, le=60_000)
    """How long an answer to a nonce proves that a kernel is alive, counted from when the nonce was sent."""
    ack_deadline_ms: int = Field(default=250, ge=10, le=10_000)
    """How long an answer may take; a kernel is asked again that long before its last answer is worth nothing."""
    idle_exit_s: int = Field(default=600, ge=0, le=7 * 86_400)
    """After how long without any run at work or asked about a daemon that a command started leaves; 0 is never."""
    stop_grace_s: int = Field(default=30, ge=1, le=600)
    """How long a kernel that was asked to stop may take to end its agents."""
    recover: bool = True
    """Whether a run whose kernel died, failed or waited for something that came is gone on with."""
    recoveries_max: int = Field(default=2, ge=0, le=20)
    """How often a run is begun again after the same cause, before a person is needed."""
    wake: bool = True
    """Whether a run that a usage limit or an outage parked is woken when that is over."""
    wakes_max: int = Field(default=20, ge=0, le=1000)
    """How often one run is woken from the same kind of park."""
    wake_window: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")
    """The part of the day, by the local clock, in which parked runs are woken, such as 22:00-07:00; empty is always."""
    wake_spread_s: int = Field(default=60, ge=0, le=3600)
    """Over how long runs are spread that wait for the same moment, so that they do not all begin at once."""
    resume_after_reboot: bool = False
    """Whether a run that was at work when the machine went down is gone on with by itself."""
    run_runtime_s_max: int = Field(default=0, ge=0, le=30 * 86_400)
    """How long one kernel may be at work before it is ended and, once, begun again; 0 is for ever."""
    run_silence_s_max: int = Field(default=7200, ge=0, le=7 * 86_400)
    """How long a kernel with all its processes may journal nothing, use no CPU and write nothing; 0 is for ever."""
    run_memory_mb_max: int = Field(default=0, ge=0, le=1 << 24)
    """How much memory a kernel may hold with all its processes, pages that they share counted once; 0 is any."""
    run_processes_max: int = Field(default=0, ge=0, le=1 << 22)
    """How many processes a kernel may have, itself among them; 0 is any."""
    run_output_mb_max: int = Field(default=256, ge=0, le=1 << 20)
    """How much a kernel may write on its own streams, which agents and commands do not share; 0 is any."""
    max_parallel_runs: int = Field(default=1, ge=1, le=64)
    """How many runs may be at work at once. More than one needs an intention that was reviewed and frozen."""

    def window(self) -> tuple[int, int] | None:
        """`wake_window` in minutes of the day; None for always."""
        first, _, last = self.wake_window.partition("-")
        return (_minutes(first), _minutes(last)) if last and first != last else None


def _shown(value: bool | int | str) -> str:
    return "-" if value == "" else str(value).lower()


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


class SettingsRefused(Exception):
    """Settings that cannot be used: `str()` says which, why, and the way out."""


class Resolved(NamedTuple):
    """The settings, with the place that each one came from."""

    settings: Settings
    sources: dict[str, Source]
    file: Path

    def told(self) -> list[dict[str, Any]]:
        """Each setting by name: its value, and where it came from."""
        values = self.settings.model_dump()
        return [{"name": name, "value": values[name], "source": self.sources[name]} for name in values]

    def lines(self) -> list[str]:
        """The same for people, a setting a line; last the file in which a user writes them."""
        told = [f"{one['name']:<20} {_shown(one['value']):<12} {one['source']}" for one in self.told()]
        return [*told, f"{'file':<20} {self.file}"]


def settings_file(environ: Mapping[str, str], home: Path) -> Path:
    """Where the user writes settings of the daemon."""
    config = environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if config.startswith("/") else home / ".config") / "verger" / "daemon.toml"


def resolve(file: Path, environ: Mapping[str, str], flags: Mapping[str, object]) -> Resolved:
    """The settings that the places make together; a flag that is None was not given. Raises SettingsRefused."""
    places: tuple[tuple[Source, str, Mapping[str, Any]], ...] = (
        ("file", str(file), _of_file(file)),
        ("env", "the environment", _of_environment(environ)),
        ("flag", "the command line", {name: value for name, value in flags.items() if value is not None}),
    )
    values: dict[str, Any] = {}
    sources: dict[str, Source] = dict.fromkeys(Settings.model_fields, "default")
    for source, where, found in places:
        # Each place alone: a wrong value is told even where another place has the last word.
        judged = _judged(where, found)
        values |= judged
        sources |= dict.fromkeys(judged, source)
    settings = Settings.model_validate(values)
    if settings.ack_deadline_ms * 2 > settings.probe_interval_ms:
        raise SettingsRefused(
            f"ack_deadline_ms {settings.ack_deadline_ms} is more than half of probe_interval_ms "
            f"{settings.probe_interval_ms}; hint: a kernel could not be asked twice while an answer counts"
        )
    return Resolved(settings, sources, file)


def _of_file(file: Path) -> Mapping[str, Any]:
    if not file.exists():
        return {}
    # Imported here: it is a seventh of the daemon's start, and few users write such a file.
    from pydantic_settings import BaseSettings, TomlConfigSettingsSource

    class Places(Settings, BaseSettings):
        """What the library asks for. Never made: that would read the process's own environment."""

    try:
        return TomlConfigSettingsSource(Places, toml_file=file.absolute())()
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsRefused(f"{file} cannot be read as TOML: {error}; hint: mend or remove it") from None


def _of_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    known = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
    if unknown := sorted(name for name in environ if name.startswith(PREFIX) and name not in known):
        raise SettingsRefused(f"{unknown[0]} is no setting; hint: known are {', '.join(sorted(known))}")
    return {name: environ[variable] for variable, name in known.items() if variable in environ}


def _judged(where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        judged = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = ", ".join(Settings.model_fields)
            raise SettingsRefused(f"{where}: {name} is no setting; hint: known are {known}") from None
        raise SettingsRefused(f"{where}: {name} cannot be {first['input']!r}: {first['msg']}") from None
    return {name: getattr(judged, name) for name in judged.model_fields_set}
