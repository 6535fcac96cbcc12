package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"
)

func claimKey(n int) string    { return fmt.Sprintf("CLM-%07d", n) }
func standingKey(n int) string { return fmt.Sprintf("PRV-%d", n+1) }

// publish hands the events to the program's own command.
func (r *readsRun) publish(ctx context.Context) error {
	var lines bytes.Buffer
	for n := range standings {
		_, _ = fmt.Fprintf(&lines, `{"eventType":"CREDENTIALING_APPROVED","schemaVersion":"1.0","providerId":%q,"npi":"1999999984","providerName":"Clinic %d",`+
			`"credentialingStatus":"APPROVED","networkStatus":"IN_NETWORK","effectiveDate":"2026-01-01","approvedAt":"2026-01-20T12:00:00Z"}`+"\n", standingKey(n), n)
	}
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range r.rows {
		_, _ = fmt.Fprintf(&lines, `{"eventType":"CLAIM_SUBMITTED","schemaVersion":"1.0","claimId":%q,"memberId":"M-%d","providerId":%q,"planId":"PLAN","claimType":"PROFESSIONAL",`+
			`"totalBilledAmount":"120.50","serviceDate":%q,"submittedAt":"2026-01-16T10:00:00Z","requiresPriorAuth":false}`+"\n",
			claimKey(n), n%50_000, oneProvider, day.AddDate(0, 0, n%700).Format(time.DateOnly))
	}
	c := exec.CommandContext(ctx, r.payerflow, append([]string{"publish", "--file", "-"}, r.flags...)...)
	c.Env, c.Stdin = append(c.Environ(), r.env...), &lines
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("publish: %w: %.500s", err, out)
	}
	return nil
}

// valued is a row as payerflow answers it.
type valued struct {
	Value json.RawMessage `json:"value"`
}

// copyRows waits until every row is there, and gives Redis its JSON.
func (r *readsRun) copyRows(ctx context.Context) error {
	to := redis.NewClient(&redis.Options{Addr: r.redis.url})
	defer to.Close()
	for _, v := range []struct {
		view string
		key  func(int) string
		n    int
	}{{standingReads, standingKey, standings}, {claimReads, claimKey, r.rows}} {
		for from := 0; from < v.n; from += 1000 {
			keys := make([]string, min(1000, v.n-from))
			for i := range keys {
				keys[i] = v.key(from + i)
			}
			if err := r.copyBatch(ctx, to, v.view, keys); err != nil {
				return err
			}
		}
	}
	return r.copyList(ctx, to)
}

func (r *readsRun) copyBatch(ctx context.Context, to *redis.Client, view string, keys []string) error {
	body, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		return err
	}
	return eventually(ctx, "rows of "+view, func() (bool, error) {
		var got struct {
			Rows []struct {
				Status int
				Row    valued
			}
		}
		if err := r.ask(ctx, r.demo.url+"/v1/views/"+view+"/batch", bytes.NewReader(body), &got); err != nil {
			return false, err
		}
		put := to.Pipeline()
		for i, row := range got.Rows {
			if row.Status != 200 {
				return false, fmt.Errorf("status %d", row.Status)
			}
			put.Set(ctx, view+":"+keys[i], []byte(row.Row.Value), 0)
		}
		_, err := put.Exec(ctx)
		return err == nil, err
	})
}

func (r *readsRun) listPath(cursor string) string {
	q := url.Values{"limit": {fmt.Sprint(pageRows)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return "/v1/views/" + listReads + "/" + oneProvider + "?" + q.Encode()
}

// copyList walks the provider's list to its end, notes places in it, and gives
// Redis its rows and their order.
func (r *readsRun) copyList(ctx context.Context, to *redis.Client) error {
	return eventually(ctx, "the whole list", func() (bool, error) {
		r.cursors = nil
		count, cursor := 0, ""
		for {
			q := url.Values{"limit": {"1000"}, "cursor": {cursor}}
			var got struct {
				Rows []valued
				Next string
			}
			if err := r.ask(ctx, r.demo.url+"/v1/views/"+listReads+"/"+oneProvider+"?"+q.Encode(), nil, &got); err != nil {
				return false, err
			}
			put := to.Pipeline()
			for _, row := range got.Rows {
				id := fmt.Sprintf("%s:%d", listReads, count)
				put.Set(ctx, id, []byte(row.Value), 0)
				put.ZAdd(ctx, listReads, redis.Z{Score: float64(count), Member: id})
				count++
			}
			if _, err := put.Exec(ctx); err != nil && len(got.Rows) > 0 {
				return false, err
			}
			if cursor = got.Next; cursor == "" {
				return count == r.rows, fmt.Errorf("%d rows of %d", count, r.rows)
			}
			r.cursors = append(r.cursors, cursor)
		}
	})
}

// eventually tries for two minutes; the error it gives up with is the last one.
func eventually(ctx context.Context, what string, try func() (bool, error)) error {
	end := time.Now().Add(2 * time.Minute)
	for {
		ok, err := try()
		switch {
		case ok:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
