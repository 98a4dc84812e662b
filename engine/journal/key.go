package journal

import "strings"

// StepKey is the key of the step that a key belongs to: without what stands
// behind the `#` of its last frame. The frames before keep theirs, because a
// step in a group that is repeated is another one each time.
func StepKey(key string) string {
	last := strings.LastIndexAny(key, "/>") + 1
	frame, _, _ := strings.Cut(key[last:], "#")
	return key[:last] + frame
}

// outer is the key of what stands around a frame, or "".
func outer(key string) string { return key[:max(0, strings.LastIndexAny(key, "/>["))] }

// Once is a key without the rounds of groups that are repeated: what is owed
// once, however often a group is.
func Once(key string) string {
	out := ""
	for len(key) > 0 {
		end := strings.IndexAny(key, "/>")
		if end < 0 {
			return out + key
		}
		frame, _, _ := strings.Cut(key[:end], "#")
		out, key = out+frame+key[end:end+1], key[end+1:]
	}
	return out
}
