package guard

import (
	"context"
	"slices"
)

// stringTest decides `[` and `test` where they compare strings, by the number of
// their operands as POSIX says. The embedded shell goes by what operands look
// like instead, so that a value such as `!` or `-n` would change what is asked.
func stringTest(_ context.Context, args []string) ([]string, error) {
	operands := args[1:]
	switch args[0] {
	case "[":
		if len(operands) == 0 || operands[len(operands)-1] != "]" {
			return args, nil
		}
		operands = operands[:len(operands)-1]
	case "test":
	default:
		return args, nil
	}
	if holds, ok := compare(operands); ok {
		return []string{map[bool]string{true: "true", false: "false"}[holds]}, nil
	}
	return args, nil
}

// compare answers a test of strings; ok is false where it is another test.
func compare(o []string) (holds, ok bool) {
	switch {
	case len(o) == 1:
		return o[0] != "", true
	case len(o) == 2 && o[0] == "!":
		return o[1] == "", true
	case len(o) == 2 && (o[0] == "-n" || o[0] == "-z"):
		return (o[1] == "") == (o[0] == "-z"), true
	case len(o) == 3 && slices.Contains([]string{"=", "==", "!="}, o[1]):
		return (o[0] == o[2]) == (o[1] != "!="), true
	case (len(o) == 3 || len(o) == 4) && o[0] == "!":
		holds, ok = compare(o[1:])
		return !holds, ok
	}
	return false, false
}
