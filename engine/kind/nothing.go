package kind

import "runbook/engine/types"

// Nothing is what stands under the native results where nothing came back: for an
// integer what the kind declares for its state of error, for others the empty
// value of the type.
func (k *Kind) Nothing() map[string]any {
	out := map[string]any{}
	if k.Result == nil {
		return out
	}
	for _, f := range k.Result.Fields {
		out[f.Name] = nothing(f.Type)
	}
	for _, s := range k.States {
		for name, r := range s.Ranges {
			if s.Error {
				out[name] = r.Min
			}
		}
	}
	return out
}

// Some completes native results that came back: what is left out is empty, and an
// integer that cannot be 0 then the least that it can be; the code that stands for
// success where that is one.
func (k *Kind) Some(fields map[string]any) map[string]any {
	out := map[string]any{}
	if k.Result == nil {
		return out
	}
	for _, f := range k.Result.Fields {
		out[f.Name] = nothing(f.Type)
	}
	for _, s := range k.States {
		for name, r := range s.Ranges {
			if s.Error || s.Rare || r.Min == 0 {
				continue
			}
			if out[name] = r.Min; r.Min <= success && success <= r.Max {
				out[name] = success
			}
		}
	}
	for name, v := range fields {
		out[name] = v
	}
	return out
}

// success is the status that says that all is well.
const success = 200

func nothing(t *types.Type) any {
	if t == nil || t.Nil {
		return nil
	}
	switch t.Kind {
	case types.Object:
		out := map[string]any{}
		for _, f := range t.Fields {
			out[f.Name] = nothing(f.Type)
		}
		return out
	case types.Any:
		return nil
	}
	return types.Zero(t.Kind)
}
