package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/internal/traffic"
	"payerflow/topologies"
)

// sampleClaim is a claim of testdata/events/claims-day.ndjson: denied, then
// overturned on appeal and paid.
const sampleClaim = "db66a1fb-40c5-5ac1-b3ee-139f882405d6"

// makeTraffic publishes made-up claims at the configured rate until ctx ends.
// It notes in the data directory which claim comes next, so that a later run
// opens new ones.
func (a *app) makeTraffic(ctx context.Context, client *kafka.Client, schemas topology.Schemas) error {
	note := filepath.Join(a.cfg.Engine.DataDir, fmt.Sprintf("traffic-%d", a.cfg.Demo.Seed))
	first, err := readNote(note)
	if err != nil {
		return err
	}
	g := traffic.New(a.cfg.Demo.Seed, first)
	p := kafka.NewPublisher(client, schemas, topologies.TopicFor)
	failed := make(chan error, 1)
	done := func(_ kafka.Coordinates, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			select {
			case failed <- err:
			default:
			}
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	started, sent, noted := time.Now(), 0, uint64(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return fmt.Errorf("traffic: %w", err)
		case <-tick.C:
		}
		for due := int(time.Since(started).Seconds() * a.cfg.Demo.Rate); sent < due && ctx.Err() == nil; sent++ {
			e := g.Next(time.Now())
			if err := p.Publish(ctx, e.Body, kafka.Envelope{ID: e.ID}, done); err != nil {
				return fmt.Errorf("traffic: %w", err)
			}
		}
		if next := g.NextClaim(); next != noted {
			if err := os.WriteFile(note, []byte(strconv.FormatUint(next, 10)), 0o600); err != nil {
				return fmt.Errorf("traffic: %w", err)
			}
			noted = next
		}
	}
}

func readNote(path string) (uint64, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("traffic: %w", err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("traffic: %s does not hold a number; remove it", path)
	}
	return n, nil
}
