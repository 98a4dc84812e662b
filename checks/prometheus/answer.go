package prometheus

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// fields takes an answer apart.
func fields(answer model.Value, remarks []string) (map[string]any, error) {
	samples, series := []any{}, []any{}
	switch a := answer.(type) {
	case model.Vector:
		for _, s := range a {
			samples = append(samples, sample(s))
		}
	case *model.Scalar:
		samples = append(samples, labelled(nil, point(a.Value, a.Timestamp)))
	case model.Matrix:
		for _, s := range a {
			series = append(series, stream(s))
		}
	default:
		return nil, &fault{"protocol", fmt.Sprintf("that is no answer of Prometheus's API: a result of %T", answer)}
	}
	warnings := make([]any, len(remarks))
	for i, r := range remarks {
		warnings[i] = r
	}
	out := map[string]any{"result_type": answer.Type().String(), "value": nil, "samples": samples, "series": series, "found": len(samples) + len(series), "warnings": warnings}
	if len(samples) == 1 {
		out["value"] = samples[0].(map[string]any)["value"]
	}
	return out, nil
}

func sample(s *model.Sample) map[string]any {
	if s.Histogram != nil {
		return labelled(s.Metric, histogram(s.Histogram, s.Timestamp))
	}
	return labelled(s.Metric, point(s.Value, s.Timestamp))
}

func stream(s *model.SampleStream) map[string]any {
	points := make([]any, 0, len(s.Values)+len(s.Histograms))
	for _, p := range s.Values {
		points = append(points, point(p.Value, p.Timestamp))
	}
	for _, h := range s.Histograms {
		points = append(points, histogram(h.Histogram, h.Timestamp))
	}
	return labelled(s.Metric, map[string]any{"points": points})
}

func labelled(m model.Metric, rest map[string]any) map[string]any {
	labels := make(map[string]any, len(m))
	for k, v := range m {
		labels[string(k)] = string(v)
	}
	rest["labels"] = labels
	return rest
}

// point is a value at a time. NaN and the infinities are no numbers to JSON, and
// so to nobody who reads the journal: they stand in the text alone.
func point(v model.SampleValue, t model.Time) map[string]any {
	f := float64(v)
	out := map[string]any{"value": f, "text": strconv.FormatFloat(f, 'g', -1, 64), "time": timeText(t)}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		out["value"] = nil
	}
	return out
}

func histogram(h *model.SampleHistogram, t model.Time) map[string]any {
	out := map[string]any{"value": nil, "text": "", "time": timeText(t)}
	if h != nil {
		out["text"] = h.String()
	}
	return out
}

func timeText(t model.Time) string { return t.Time().UTC().Format(time.RFC3339Nano) }
