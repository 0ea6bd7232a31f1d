# Tab completion of fab and ./fab in zsh; in ~/.zshrc: source PATH/completion/fab.zsh
_complete_fab() {
    local -a found
    found=(${(f)"$(COMP_CWORD=$((CURRENT - 1)) ${~words[1]} --complete -- "${(@Q)words}" 2>/dev/null </dev/null)"})
    compadd -- $found || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i -D }
compdef _complete_fab fab
