package intake

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"payerflow/connectors/kafka"
)

// Token is the consistency token of a record: a reader that is told to wait
// for it sees what the event caused. It is opaque to clients.
func Token(c kafka.Coordinates) string {
	return base64.RawURLEncoding.EncodeToString([]byte("1:" + c.Topic + ":" + strconv.Itoa(int(c.Partition)) + ":" + strconv.FormatInt(c.Offset, 10)))
}

var errToken = errors.New("not a consistency token of this application")

// ParseToken is the inverse of Token.
func ParseToken(token string) (c kafka.Coordinates, err error) {
	const most = 512
	text, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.Split(string(text), ":")
	if err != nil || len(token) > most || len(parts) != 4 || parts[0] != "1" || parts[1] == "" {
		return c, errToken
	}
	partition, errP := strconv.ParseInt(parts[2], 10, 32)
	offset, errO := strconv.ParseInt(parts[3], 10, 64)
	if errors.Join(errP, errO) != nil || partition < 0 || offset < 0 {
		return c, errToken
	}
	return kafka.Coordinates{Topic: parts[1], Partition: int32(partition), Offset: offset}, nil
}
