#compdef runbook
# Completion of runbook for zsh. Put this into ~/.zshrc, behind compinit:
#   source <(runbook completion zsh)
# or write it to a file _runbook in a folder of $fpath.

_runbook() {
  local line word about
  local -a before whole whole_shown begun begun_shown
  if [[ $PREFIX == \~* ]]; then
    _files
    return
  fi
  (( CURRENT > 2 )) && before=("${(@Q)words[2,CURRENT-1]}")
  while IFS= read -r line; do
    word=${line%%$'\t'*}
    about=
    [[ $line == *$'\t'* ]] && about="  -- ${line#*$'\t'}"
    if [[ $word == *[=/] ]]; then
      begun+=("$word")
      begun_shown+=("$word$about")
    else
      whole+=("$word")
      whole_shown+=("$word$about")
    fi
  done < <(command ${(Q)words[1]} __complete zsh -- "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)
  local result=1
  (( $#whole )) && compadd -l -V whole -d whole_shown -a whole && result=0
  (( $#begun )) && compadd -l -V begun -S '' -d begun_shown -a begun && result=0
  return result
}

if [[ $funcstack[1] == _runbook ]]; then
  _runbook "$@"
elif (( $+functions[compdef] )); then
  compdef _runbook runbook
else
  print -u2 'runbook completion: call compinit first'
fi
