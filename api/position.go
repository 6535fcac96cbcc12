package api

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"payerflow/api/intake"
	"payerflow/internal/topology"
)

// A token of answers is the text 2:table:incarnation:partition.offset,… in
// URL-safe base64: up to where the table is in them. It holds no key.
const (
	tokenVersion = "2"
	maxToken     = 4096
)

var errPosition = errors.New("the token of a publish or of an answer, as it was given")

// of is the table that a token is about; the zero value is none.
type of struct{ topic, incarnation string }

// positionToken stands for what some answers of a view hold.
func positionToken(v topology.Served, answers ...topology.Answer) string {
	if len(answers) == 1 && answers[0].Incarnation != "" {
		return tokenOf(v, answers[0].Incarnation, placeOf(answers[0].Partition, answers[0].Changelog))
	}
	next := map[int32]int64{}
	incarnation := ""
	for _, a := range answers {
		if a.Incarnation != "" {
			incarnation = a.Incarnation
			next[a.Partition] = max(next[a.Partition], a.Changelog)
		}
	}
	if len(next) == 0 {
		return ""
	}
	var places []string
	for p, offset := range next {
		places = append(places, placeOf(p, offset))
	}
	slices.Sort(places)
	return tokenOf(v, incarnation, strings.Join(places, ","))
}

func placeOf(partition int32, offset int64) string {
	return strconv.Itoa(int(partition)) + "." + strconv.FormatInt(offset, 10)
}

func tokenOf(v topology.Served, incarnation, places string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(tokenVersion + ":" + v.Table + ":" + incarnation + ":" + places))
}

// parsePosition reads a token of either kind.
func parsePosition(token string) (at []topology.Position, table of, err error) {
	if len(token) > maxToken {
		return nil, of{}, errPosition
	}
	if c, err := intake.ParseToken(token); err == nil {
		return []topology.Position{{Topic: c.Topic, Partition: c.Partition, Offset: c.Offset + 1}}, of{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.Split(string(text), ":")
	if err != nil || len(parts) != 4 || parts[0] != tokenVersion || parts[1] == "" {
		return nil, of{}, errPosition
	}
	for place := range strings.SplitSeq(parts[3], ",") {
		p, o, _ := strings.Cut(place, ".")
		partition, errP := strconv.ParseInt(p, 10, 32)
		offset, errO := strconv.ParseInt(o, 10, 64)
		if errors.Join(errP, errO) != nil || partition < 0 || offset < 0 {
			return nil, of{}, errPosition
		}
		at = append(at, topology.Position{Topic: parts[1], Partition: int32(partition), Offset: offset})
	}
	return at, of{parts[1], parts[2]}, nil
}
