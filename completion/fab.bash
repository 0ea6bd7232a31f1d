# Tab completion of fab and ./fab in bash; in ~/.bashrc: source PATH/completion/fab.bash
_complete_fab() {
    local found
    found=$(COMP_CWORD=$COMP_CWORD "$1" --complete -- "${COMP_WORDS[@]}" 2>/dev/null </dev/null)
    COMPREPLY=($(compgen -W "$found" -- "$2"))
}
complete -o default -F _complete_fab fab
