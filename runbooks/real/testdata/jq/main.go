// Command jq stands in for jq where it is not installed. It knows the two
// programs of the HubSpot runbook, by their options, and nothing else.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if slices.Contains(os.Args, "--version") {
		fmt.Println("jq-stand-in")
		return
	}
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err.Error())
	}
	token, now, _ := strings.Cut(string(in), "\n")
	key := os.Getenv("TOKEN_KEY")
	var value any
	if err := json.Unmarshal([]byte(now), &value); err != nil {
		value = nil
	}
	object, isObject := value.(map[string]any)
	switch {
	case slices.Contains(os.Args, "--exit-status"):
		if isObject && object[key] != token || !isObject && now != token {
			os.Exit(1)
		}
		fmt.Println("true")
	case isObject:
		object[key] = token
		out, err := json.Marshal(object)
		if err != nil {
			fail(err.Error())
		}
		fmt.Print(string(out))
	case value == nil && now != "None" && now != "null":
		fmt.Print(token)
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "jq: error:", why)
	os.Exit(5)
}
