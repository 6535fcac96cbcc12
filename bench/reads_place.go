package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"payerflow/internal/topology"
)

// settle waits until both workers have partitions of both views, and none has
// moved for some seconds.
func (r *readsRun) settle(ctx context.Context) error {
	var before string
	return eventually(ctx, "partitions that stay where they are", func() (bool, error) {
		for _, s := range []*serving{r.demo, r.worker} {
			if resp, err := http.Get(s.url + "/readyz"); err != nil {
				return false, err
			} else if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
				return false, fmt.Errorf("readyz is %d", resp.StatusCode)
			}
		}
		claims, err := r.away(claimReads, claimKey, r.rows, 12)
		if err != nil {
			return false, err
		}
		standing, err := r.away(standingReads, standingKey, standings, 6)
		if err != nil {
			return false, err
		}
		now := fmt.Sprint(claims, standing)
		both := slices.Contains(claims, true) && slices.Contains(claims, false) && slices.Contains(standing, true) && slices.Contains(standing, false)
		same := now == before
		before = now
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
		}
		return both && same, fmt.Errorf("by a hop: %s", now)
	})
}

// away says of each partition whether the second worker asks the first for it.
func (r *readsRun) away(view string, key func(int) string, n, parts int) ([]bool, error) {
	out, seen := make([]bool, parts), make([]bool, parts)
	for i := range n {
		p := topology.Partition([]byte(key(i)), parts)
		if seen[p] {
			continue
		}
		hops, err := r.hopsFor(r.worker, view, r.worker.url+"/v1/views/"+view+"/"+key(i))
		if err != nil {
			return nil, err
		}
		seen[p], out[p] = true, hops
		if !slices.Contains(seen, false) {
			break
		}
	}
	return out, nil
}

// split parts the reads of a view into those that the second worker answers
// itself and those that it asks the first for.
func (r *readsRun) split(view string, key func(int) string, n, parts int) (own, away []string, err error) {
	hops, err := r.away(view, key, n, parts)
	if err != nil {
		return nil, nil, err
	}
	for i := range n {
		u := r.worker.url + "/v1/views/" + view + "/" + key(i)
		if hops[topology.Partition([]byte(key(i)), parts)] {
			away = append(away, u)
		} else {
			own = append(own, u)
		}
	}
	return own, away, nil
}

// hopsFor reads a URL and says whether that took a hop.
func (r *readsRun) hopsFor(at *serving, view, url string) (bool, error) {
	before, err := hops(at, view)
	if err != nil {
		return false, err
	}
	var row any
	if err := r.ask(context.Background(), url, nil, &row); err != nil {
		return false, err
	}
	after, err := hops(at, view)
	return after > before, err
}

// hops is how often a worker has asked another for rows of a view.
func hops(at *serving, view string) (n float64, err error) {
	resp, err := http.Get(at.url + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l := lines.Text()
		if strings.HasPrefix(l, "payerflow_peer_hop_seconds_count{") && strings.Contains(l, `view="`+view+`"`) {
			v, err := strconv.ParseFloat(l[strings.LastIndexByte(l, ' ')+1:], 64)
			if err != nil {
				return 0, err
			}
			n += v
		}
	}
	return n, lines.Err()
}

func (r *readsRun) redisURLs(view string, key func(int) string, n int) (out []string) {
	for i := range n {
		out = append(out, r.handler.url+"/row/"+view+":"+key(i))
	}
	return out
}

func (r *readsRun) pageURLs(at *serving) (out []string) {
	for _, c := range r.cursors {
		out = append(out, at.url+r.listPath(c))
	}
	return out
}

func (r *readsRun) redisPages() (out []string) {
	for i := range r.cursors {
		out = append(out, fmt.Sprintf("%s/page/%s?from=%d&limit=%d", r.handler.url, listReads, (i+1)*1000, pageRows))
	}
	return out
}
