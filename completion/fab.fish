# Tab completion of fab and ./fab in fish; in ~/.config/fish/config.fish: source PATH/completion/fab.fish
function __complete_fab
    set -l before (commandline --cut-at-cursor --tokenize --current-process)
    set -l word (commandline --cut-at-cursor --current-token)
    set -l found (env COMP_CWORD=(count $before) $before[1] --complete -- $before "$word" 2>/dev/null </dev/null)
    test -n "$found" && printf '%s\n' $found || __fish_complete_path "$word"
end
complete --command fab --no-files --arguments '(__complete_fab)'
