"""The completion of bash and of zsh: one walk over the words, which both understand, between two frames.

Not here: fish, which has words of its own; see `fish.py`.
"""

import shlex
from collections.abc import Iterable

from verger_kernel.completion.table import Command, Value

_BASH = """\
# Completion of verger for bash: eval "$(verger completion bash)"
_verger() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} at=$COMP_CWORD line=''
    local -a typed=("${{COMP_WORDS[@]}}")
    local command='' value='' run='' folder=. place=0 number=1 word kind
{walk}
    COMPREPLY=()
    case $kind in
        file) compopt -o filenames 2>/dev/null; set -- -f ;;
        folder) compopt -o filenames 2>/dev/null; set -- -d ;;
        run) set -- -W "latest $("${{typed[0]}}" -C "$folder" completion --runs 2>/dev/null)" ;;
        either) compopt -o filenames 2>/dev/null
            set -- -f -W "latest $("${{typed[0]}}" -C "$folder" completion --runs 2>/dev/null)" ;;
        item) set -- -W "$("${{typed[0]}}" -C "$folder" completion --items "${{run:-latest}}" 2>/dev/null)" ;;
        words*) set -- -W "${{kind#words}}" ;;
        *) return ;;
    esac
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@" -- "$current")
}}
complete -F _verger verger
"""
_ZSH = """\
#compdef verger
# Completion of verger for zsh: eval "$(verger completion zsh)", or this as the file _verger on fpath
_verger() {{
    setopt localoptions ksharrays
    local current=${{words[CURRENT-1]}} at=$((CURRENT-1))
    local -a typed=("${{words[@]}}")
    local command='' value='' run='' folder=. place=0 number=1 word kind
{walk}
    setopt noksharrays
    case $kind in
        file) _files ;;
        folder) _files -/ ;;
        run) compadd -- latest ${{(f)"$("${{typed[1]}}" -C "$folder" completion --runs 2>/dev/null)"}} ;;
        either) _files
            compadd -- latest ${{(f)"$("${{typed[1]}}" -C "$folder" completion --runs 2>/dev/null)"}} ;;
        item) compadd -- ${{(f)"$("${{typed[1]}}" -C "$folder" completion --items "${{run:-latest}}" 2>/dev/null)"}} ;;
        words*) compadd -- ${{=kind#words}} ;;
    esac
}}
if [[ ${{funcstack[1]}} == _verger ]]; then _verger "$@"; else compdef _verger verger; fi
"""
_WALK = """\
    while ((number < at)); do
        word=${{typed[number]}}
        number=$((number + 1))
        if [[ -n $value ]]; then
            if [[ $value == run ]]; then run=$word; elif [[ $value == -C ]]; then folder=$word; fi
            value=''
        elif [[ $word == -C ]]; then
            value=-C
        elif [[ $word == -* ]]; then
            case "$command $word" in
{values}
            esac
        elif [[ -z $command ]]; then
            command=$word
        else
            case "$command $place" in
{run_places}) run=$word ;;
            esac
            place=$((place + 1))
        fi
    done
    kind=$value
    if [[ $value == -C ]]; then
        kind=folder
    elif [[ -z $value && $current == -* ]]; then
        case $command in
{flags}
        esac
    elif [[ -z $value && -z $command ]]; then
        kind='words {commands}'
    elif [[ -z $value ]]; then
        case "$command $place" in
{places}
        esac
    fi"""


def bash(commands: tuple[Command, ...]) -> str:
    """The script for bash."""
    return _BASH.format(walk=_walk(commands))


def zsh(commands: tuple[Command, ...]) -> str:
    """The script for zsh."""
    return _ZSH.format(walk=_walk(commands))


def _walk(commands: tuple[Command, ...]) -> str:
    values = [
        (f"{command.name} {name}", f"value={_kind(flag.value)}")
        for command in commands
        for flag in command.flags
        for name in flag.names
        if flag.value.kind != "none" and name != "-C"
    ]
    places = [
        (f"{command.name} {number}", f"kind={_kind(place)}")
        for command in commands[1:]
        for number, place in enumerate(command.places)
    ]
    flags = [
        (command.name, "kind=" + shlex.quote(" ".join(("words", *_names(command))))) for command in commands
    ]
    runs = [shlex.quote(key) for key, kind in places if kind == "kind=run"]
    return _WALK.format(
        values=_cases(values, 16),
        run_places=" " * 16 + "|".join(runs),
        flags=_cases(flags, 12),
        commands=" ".join(commands[0].places[0].words),
        places=_cases(places, 12),
    )


def _names(command: Command) -> Iterable[str]:
    return [name for flag in command.flags for name in flag.names]


def _kind(value: Value) -> str:
    return shlex.quote(" ".join((value.kind, *value.words)))


def _cases(cases: Iterable[tuple[str, str]], indent: int) -> str:
    return "\n".join(f"{' ' * indent}{shlex.quote(key)}) {then} ;;" for key, then in cases)
