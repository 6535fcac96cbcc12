package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"payerflow/api"
	"payerflow/internal/verify"
)

// offsets reads an offset vector: TOPIC/PARTITION=OFFSET each, or one @FILE
// with as_of.positions of an answer. None is nil.
func offsets(given []string) (verify.Vector, error) {
	if len(given) == 0 {
		return nil, nil
	}
	var all []api.Position
	if name, file := strings.CutPrefix(given[0], "@"); file {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &all); err != nil || len(given) > 1 {
			return nil, fmt.Errorf("--at: %s must hold a list of topic, partition, offset, and stand alone", name)
		}
	} else {
		for _, one := range given {
			p, ok := position(one)
			if !ok {
				return nil, fmt.Errorf("--at: %q is not TOPIC/PARTITION=OFFSET", one)
			}
			all = append(all, p)
		}
	}
	out := verify.Vector{}
	for _, p := range all {
		if out[p.Topic] == nil {
			out[p.Topic] = map[int32]int64{}
		}
		out[p.Topic][p.Partition] = p.Offset
	}
	return out, nil
}

func position(text string) (p api.Position, ok bool) {
	place, offset, _ := strings.Cut(text, "=")
	topic, partition, _ := strings.Cut(place, "/")
	n, bad := strconv.ParseInt(partition, 10, 32)
	at, wrong := strconv.ParseInt(offset, 10, 64)
	return api.Position{Topic: topic, Partition: int32(n), Offset: at}, topic != "" && bad == nil && wrong == nil && n >= 0 && at >= 0
}
