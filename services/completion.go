package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown by completion --help.
func (completionCommand) Help() string {
	return `Examples, for the shell that you are in:

    source <(deskpulse completion bash)
    source <(deskpulse completion zsh)
    deskpulse completion fish | source

To have it always, put that line into ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish.
`
}

// The scripts hand the words up to the cursor to "deskpulse __complete", which answers
// with lines of candidate and help, a tab between them; no line means a file name.
var completionScripts = map[string]string{
	"bash": `_deskpulse() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _deskpulse deskpulse
`,
	"zsh": `_deskpulse() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null | sed 's/:/\\:/g; s/\t/:/')}")
  if [[ -n "${candidates[1]}" ]]; then _describe deskpulse candidates; else _files; fi
}
compdef _deskpulse deskpulse
`,
	"fish": `complete -c deskpulse -f -a '(set -l words (commandline -opc) (commandline -ct); deskpulse __complete $words[2..-1] 2>/dev/null; or __fish_complete_path (commandline -ct))'
`,
}

// Run prints the script.
func (c completionCommand) Run(out *console) error {
	_, err := fmt.Fprint(out, completionScripts[c.Shell])
	return err
}

// completeCommand answers the scripts. The last word is the one being typed.
type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// Run prints the candidates.
func (c completeCommand) Run(parser *kong.Kong, out *console) error {
	for _, candidate := range complete(parser.Model.Node, c.Words) {
		if _, err := fmt.Fprintln(out, candidate); err != nil {
			return err
		}
	}
	return nil
}

// complete walks down the commands that were typed and lists what may come next.
func complete(node *kong.Node, words []string) (candidates []string) {
	last := ""
	var valueOf *kong.Flag // the flag that waits for its value
	for i, word := range words {
		if i == len(words)-1 {
			last = word
			break
		}
		switch {
		case valueOf != nil:
			valueOf = nil
		case strings.HasPrefix(word, "-"):
			valueOf = flagAwaitingValue(node, word)
		default:
			if child := findChild(node, word); child != nil {
				node = child
			}
		}
	}
	add := func(candidate, help string) {
		if strings.HasPrefix(candidate, last) {
			candidates = append(candidates, candidate+"\t"+help)
		}
	}
	switch {
	case valueOf != nil:
		addEnum(valueOf.Value, add)
	case strings.HasPrefix(last, "-"):
		for _, flag := range visibleFlags(node) {
			add("--"+flag.Name, flag.Help)
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				add(child.Name, child.Help)
			}
		}
		for _, positional := range node.Positional {
			addEnum(positional, add)
		}
	}
	return candidates
}

func addEnum(v *kong.Value, add func(candidate, help string)) {
	if v.Enum == "" {
		return
	}
	for _, value := range v.EnumSlice() {
		add(value, "")
	}
}

func findChild(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word || slices.Contains(child.Aliases, word) {
			return child
		}
	}
	return nil
}

// flagAwaitingValue is the flag of that name, if the next word is its value.
func flagAwaitingValue(node *kong.Node, word string) *kong.Flag {
	name, _, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if given {
		return nil
	}
	for _, flag := range visibleFlags(node) {
		if flag.Name == name || string(flag.Short) == name {
			if flag.IsBool() || flag.IsCounter() {
				return nil
			}
			return flag
		}
	}
	return nil
}

func visibleFlags(node *kong.Node) []*kong.Flag {
	return slices.Concat(node.AllFlags(true)...)
}
