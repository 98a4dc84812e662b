# Completion of runbook for bash. Put this into ~/.bashrc:
#   source <(runbook completion bash)

_runbook() {
    local line=$COMP_LINE words=() n=0 i word gap full head program=${COMP_WORDS[0]}
    [[ $COMP_POINT ]] && line=${line:0:$COMP_POINT}
    [[ $line ]] || line="${COMP_WORDS[*]:0:$((COMP_CWORD + 1))}"

    # bash parts words at = and :, and the program does not: what stands together
    # on the line is joined again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        gap=${line%%[![:space:]]*}
        line=${line#"$gap"}
        word=${COMP_WORDS[i]}
        [[ $line == "$word"* ]] || word=$line
        line=${line#"$word"}
        if ((i < 2)) || [[ $gap ]]; then
            words[n]=$word
            n=$((n + 1))
        else
            words[n - 1]+=$word
        fi
    done
    ((n > 1)) || return 0
    full=${words[n - 1]}

    # bash replaces what stands behind the last of these characters, and nothing
    # before it.
    head=
    if [[ $COMP_WORDBREAKS == *=* && $full != [\"\']* ]]; then
        head=${full%"${full##*[=:]}"}
    fi

    type -P -- "$program" >/dev/null 2>&1 || program=runbook
    COMPREPLY=()
    while IFS= read -r word; do
        [[ $word == "$head"* ]] && COMPREPLY[${#COMPREPLY[@]}]=${word#"$head"}
    done < <(command "$program" __complete bash -- "${words[@]:1}" 2>/dev/null)

    # More follows a folder, and a name that wants a value.
    if [[ ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
    compopt -o nosort 2>/dev/null
    return 0
}

complete -F _runbook runbook
