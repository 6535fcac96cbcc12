package intake_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"payerflow/api/intake/intakepb"
	"payerflow/internal/stage"
)

var (
	protoMessage = regexp.MustCompile(`(?m)^message (\w+) \{\n((?:.*\n)*?)\}`)
	protoField   = regexp.MustCompile(`(?m)^\s+(?:optional |repeated )?([\w.]+) (\w+) = (\d+);`)
)

// TestGeneratedCodeIsFresh: after a change of the protocol, run make proto.
func TestGeneratedCodeIsFresh(t *testing.T) {
	text, err := os.ReadFile("proto/payerflow/v1/intake.proto")
	stage.Must(t, err)
	var written, generated []string
	for _, m := range protoMessage.FindAllStringSubmatch(string(text), -1) {
		for _, f := range protoField.FindAllStringSubmatch(m[2], -1) {
			written = append(written, fmt.Sprintf("%s.%s %s %s", m[1], f[2], f[3], f[1]))
		}
	}
	messages := intakepb.File_payerflow_v1_intake_proto.Messages()
	for i := range messages.Len() {
		m := messages.Get(i)
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			kind := f.Kind().String()
			if f.Message() != nil {
				kind = string(f.Message().Name())
			}
			generated = append(generated, fmt.Sprintf("%s.%s %d %s", m.Name(), f.Name(), f.Number(), kind))
		}
	}
	slices.Sort(written)
	slices.Sort(generated)
	if len(written) < 30 || !slices.Equal(written, generated) {
		t.Errorf("run make proto: the protocol has\n%q\nthe code\n%q", written, generated)
	}
}
