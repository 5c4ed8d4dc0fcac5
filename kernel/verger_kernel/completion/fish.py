"""The completion of fish: a line for each flag and each place.

Not here: bash and zsh; see `posix.py`.
"""

from verger_kernel.completion.table import Command, Flag, Value

_HEAD = """\
# Completion of verger for fish: verger completion fish | source
function __verger_words
    # The words after `verger` and before the one that is typed now, without -C and its folder.
    set -l words (commandline -opc)[2..]
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if test "$word" = -C
            set skip 1
        else
            echo -- $word
        end
    end
end

function __verger_begins
    # Whether no command stands there yet.
    not __verger_words | string length -q
end

function __verger_call
    # What the verger that is typed says, in the folder of -C.
    set -l words (commandline -opc)
    set -l folder .
    if set -l found (contains -i -- -C $words)
        set folder $words[(math $found + 1)]
    end
    $words[1] -C $folder completion $argv 2>/dev/null
end

function __verger_in
    # Whether the command is $argv[1].
    set -l words (__verger_words)
    test "$words[1]" = "$argv[1]"
end

function __verger_places
    # The words that stand in a place of the command; $argv are its flags that take a word.
    set -l words (__verger_words)[2..]
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if contains -- $word $argv
            set skip 1
        else if not string match -q -- '-*' $word
            echo -- $word
        end
    end
end

function __verger_at
    # Whether the command is $argv[1] and the next place is number $argv[2]; the rest are flags that take a word.
    __verger_in $argv[1]; and test (count (__verger_places $argv[3..])) = $argv[2]
end

function __verger_items
    set -l run (__verger_places $argv)[1]
    test -n "$run"; or set run latest
    __verger_call --items $run
end

complete -c verger -f
complete -c verger -n __verger_begins -s C -x -a '(__fish_complete_directories)' -d 'work in DIR'
"""


def fish(commands: tuple[Command, ...]) -> str:
    """The script for fish."""
    lines = [
        f"complete -c verger -n __verger_begins -a {command.name} -d {_quoted(command.help)}"
        for command in commands[1:]
    ]
    for command in commands[1:]:
        lines += [_flag(command, flag) for flag in command.flags if flag.names != ("-C",)]
        with_word = " ".join(_with_word(command))
        for number, place in enumerate(command.places):
            at = _quoted(f"__verger_at {command.name} {number} {with_word}")
            lines.append(f"complete -c verger -n {at} {_offered(place, with_word)}")
    return _HEAD + "\n".join(lines) + "\n"


def _with_word(command: Command) -> list[str]:
    return [
        name for flag in command.flags if flag.value.kind != "none" for name in flag.names if name != "-C"
    ]


def _flag(command: Command, flag: Flag) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    offered = (
        "" if flag.value.kind == "none" else f" -r {_offered(flag.value, ' '.join(_with_word(command)))}"
    )
    inside = _quoted(f"__verger_in {command.name}")
    return f"complete -c verger -n {inside} {names}{offered} -d {_quoted(flag.help)}"


def _offered(value: Value, with_word: str) -> str:
    match value.kind:
        case "file":
            return "-F"
        case "folder":
            return "-f -a '(__fish_complete_directories)'"
        case "run":
            return "-f -a 'latest (__verger_call --runs)'"
        case "either":
            return "-F -a 'latest (__verger_call --runs)'"
        case "item":
            return f"-f -a {_quoted(f'(__verger_items {with_word})')}"
        case "words":
            return f"-f -a {_quoted(' '.join(value.words))}"
        case _:
            return "-f"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
