# Completion of runbook for fish. Put this into ~/.config/fish/config.fish:
#   runbook completion fish | source

function __runbook_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    if string match -q -- '~*' $word
        __fish_complete_path $word
        return
    end
    # What is quoted is passed on as the text that it stands for.
    set -l plain (string unescape -- $word 2>/dev/null)
    test (count $plain) -eq 1; or set plain $word
    command runbook __complete fish -- $before[2..] "$plain" 2>/dev/null
end

complete -c runbook -e
complete -c runbook -f -k -a '(__runbook_complete)'
