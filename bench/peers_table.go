package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// result is one life of one engine's process, and one line of results.jsonl.
type result struct {
	Run     string    `json:"run"`
	At      time.Time `json:"at"`
	Engine  string    `json:"engine"`
	Phase   string    `json:"phase"`   // fold or recover
	Seconds float64   `json:"seconds"` // fold: first record seen to all committed; recover: start to restored
	User    float64   `json:"user_cpu_seconds"`
	System  float64   `json:"system_cpu_seconds"`
	RSS     float64   `json:"peak_rss_mb"`
	Keys    int       `json:"keys,omitempty"`
	Digest  string    `json:"digest,omitempty"`
}

func (r result) cpu() float64 { return r.User + r.System }

func (r runner) keep(res result) result {
	line, err := json.Marshal(res)
	must(err)
	f, err := os.OpenFile(filepath.Join(r.state, "results.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(err)
	_, err = f.Write(append(line, '\n'))
	must(errors.Join(err, f.Close()))
	note("%s: %s %.1f s, %.1f CPU s, %.0f MB", res.Engine, res.Phase, res.Seconds, res.cpu(), res.RSS)
	return res
}

// table prints the medians of each engine; memory is the highest.
func table(w io.Writer, all []result) {
	fmt.Fprintln(w, "| engine | events/s | CPU s per million | peak RSS MB | recovery s | recovery CPU s | final state |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---|")
	digests := map[string]bool{}
	for _, c := range contenders {
		var seconds, cpu, again, againCPU, rss []float64
		state := map[string]bool{}
		for _, r := range all {
			switch {
			case r.Engine != c.name:
			case r.Phase == "fold":
				seconds, cpu, rss = append(seconds, r.Seconds), append(cpu, r.cpu()), append(rss, r.RSS)
				state[r.Digest] = true
				if c.work.model == nil {
					digests[r.Digest] = true
				}
			default:
				again, againCPU, rss = append(again, r.Seconds), append(againCPU, r.cpu()), append(rss, r.RSS)
			}
		}
		if len(seconds) == 0 {
			continue
		}
		final := strings.Join(sorted(state), " ")
		if c.work.model != nil {
			final += ", as its own model"
		}
		recovery := "none | none"
		if len(again) > 0 {
			recovery = fmt.Sprintf("%.1f | %.1f", median(again), median(againCPU))
		}
		fmt.Fprintf(w, "| %s | %.0f | %.1f | %.0f | %s | %s |\n", c.title, float64(total)/median(seconds), median(cpu)/float64(total)*1e6, slices.Max(rss),
			recovery, final)
	}
	if len(digests) > 1 {
		must(errors.New("the engines do not agree on the final state"))
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func sorted(set map[string]bool) (out []string) {
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
