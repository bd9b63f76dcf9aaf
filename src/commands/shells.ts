/** The completions of shells: each calls `floatie __complete` with the words up to the cursor. */

const BASH = `# Completes floatie in bash: source <(floatie completion bash)
_floatie() {
  local line=\${COMP_LINE:0:COMP_POINT} words found word prefix
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[\${#words[@]} - 1]}
  mapfile -t found < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  if [[ \${found[0]} == :files ]]; then
    compopt -o default
    return
  fi
  # bash completes only what comes behind the last = or : of a word.
  prefix=
  [[ $word == *[=:]* ]] && prefix=\${word%"\${word##*[=:]}"}
  found=("\${found[@]%%$'\\t'*}")
  COMPREPLY=("\${found[@]#"$prefix"}")
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F _floatie floatie
`;

const ZSH = `#compdef floatie
# Completes floatie in zsh: source <(floatie completion zsh), or as _floatie in a folder of $fpath
_floatie() {
  local -a lines found shown open
  lines=("\${(@f)$(\${(Q)words[1]} __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $lines[1] == :files ]]; then
    compset -P '*='
    _files
    return
  fi
  found=("\${(@)lines%%$'\\t'*}")
  shown=("\${(@)lines/$'\\t'/  -- }")
  open=(\${(M)found:#*=})
  if (( $#open )); then
    compadd -l -S '' -d shown -a found
  else
    compadd -l -d shown -a found
  fi
}
if [[ $funcstack[1] == _floatie ]]; then
  _floatie "$@"
else
  compdef _floatie floatie
fi
`;

const FISH = `# Completes floatie in fish: floatie completion fish | source
function __floatie_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($tokens[1] __complete $tokens[2..-1] "$current" 2>/dev/null)
    if test "$found[1]" = ":files"
        set -l prefix (string match -r '^--[^=]*=' -- $current)
        for path in (__fish_complete_path (string replace -r '^--[^=]*=' '' -- $current))
            echo "$prefix$path"
        end
    else
        string join \\n -- $found
    end
end
complete -c floatie -f -a '(__floatie_complete)'
`;

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];
export const COMPLETIONS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
