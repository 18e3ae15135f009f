# Completes hpa-lit in bash 4 or later: eval "$(hpa-lit completion bash)"
_hpa_lit() {
    local answer begun="${2%"${2##*=}"}" # where = does not part words, they are to be given whole
    COMPREPLY=()
    while IFS= read -r answer; do
        case $answer in
            /) compopt -o default ;;
            *[=.]) compopt -o nospace && COMPREPLY+=("$begun$answer") ;;
            *) COMPREPLY+=("$begun$answer") ;;
        esac
    done < <("${1/#\~/$HOME}" completion candidates "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _hpa_lit hpa-lit
