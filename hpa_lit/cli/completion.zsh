# Completes hpa-lit in zsh, after compinit: eval "$(hpa-lit completion zsh)"
_hpa_lit() {
    local answer files line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    local -a whole begun
    for answer in "${(@f)$("${words[1]/#\~/$HOME}" completion candidates "$line" 2>/dev/null)}"; do
        case $answer in
            '') ;;
            /) files=yes ;;
            *[=.]) begun+=("$answer") ;;
            *) whole+=("$answer") ;;
        esac
    done
    compset -P '*='
    compadd -S '' -a begun
    compadd -a whole
    [[ -z $files ]] || _files
}
compdef _hpa_lit hpa-lit
