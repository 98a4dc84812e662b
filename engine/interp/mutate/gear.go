package main

import "strings"

// gearName is the file that holds the switches.
const gearName = "mutant_switches.go"

// gearNeeds are the packages that it imports.
var gearNeeds = []string{"cmp", "fmt", "os", "runtime", "strconv", "sync", "time"}

// gearOf is the text of that file, for a package of this name.
func gearOf(name string) []byte {
	return []byte("package " + name + "\n\nimport (\n\t\"" + strings.Join(gearNeeds, "\"\n\t\"") + "\"\n)\n" + gear)
}

// gear is what the changed text calls. The environment names the mutant that is
// on, and a file for the numbers of those that were passed. A mutant that makes
// the tests run for ever, or eat all memory, ends them.
const gear = `
var (
	mutantActive, _ = strconv.Atoi(os.Getenv("MUTANT"))
	mutantPassed    = os.Getenv("MUTANTS_PASSED")
	mutantSeen      sync.Map
)

func init() {
	if mutantActive == 0 {
		return
	}
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapAlloc > 512<<20 {
				fmt.Println("the mutant eats all memory")
				os.Exit(3)
			}
		}
	}()
}

func mutantOn(id int) bool {
	if mutantPassed != "" {
		mutantNote(id)
	}
	return id == mutantActive
}

func mutantNote(id int) {
	if _, seen := mutantSeen.LoadOrStore(id, true); seen {
		return
	}
	f, err := os.OpenFile(mutantPassed, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, id)
		f.Close()
	}
	if err != nil {
		panic(err)
	}
}

func mutantPick[T any](id int, is, other T) T {
	if mutantOn(id) {
		return other
	}
	return is
}

func mutantLess[T cmp.Ordered](id int, a, b T) bool    { return a < b || mutantOn(id) && a == b }
func mutantAtMost[T cmp.Ordered](id int, a, b T) bool  { return a < b || !mutantOn(id) && a == b }
func mutantMore[T cmp.Ordered](id int, a, b T) bool    { return a > b || mutantOn(id) && a == b }
func mutantAtLeast[T cmp.Ordered](id int, a, b T) bool { return a > b || !mutantOn(id) && a == b }

type mutantNumber interface{ ~int | ~int64 | ~float64 }

func mutantPlus[T mutantNumber](id int, a, b T) T {
	if mutantOn(id) {
		return a - b
	}
	return a + b
}

func mutantMinus[T mutantNumber](id int, a, b T) T {
	if mutantOn(id) {
		return a + b
	}
	return a - b
}

func mutantAnd(id int, a, b func() bool) bool {
	if mutantOn(id) {
		return a() || b()
	}
	return a() && b()
}

func mutantOr(id int, a, b func() bool) bool {
	if mutantOn(id) {
		return a() && b()
	}
	return a() || b()
}
`
