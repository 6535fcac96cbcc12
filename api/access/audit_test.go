package access_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/events"
	"payerflow/processors"
)

type kept struct {
	mu      sync.Mutex
	records []events.AuditReceived
}

func (k *kept) Write(_ context.Context, e events.AuditReceived) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, e)
	return nil
}

// TestRefusedTokensDoNotFloodTheAudit: however many are tried, few records are
// written, and every one is counted. Tokens that exist are named, others not.
func TestRefusedTokensDoNotFloodTheAudit(t *testing.T) {
	k, log := newKnown(), &kept{}
	row, good := minted(t, k, -time.Minute)
	trail := audit.New(log, processors.NewAuditKeys(secret), slog.New(slog.DiscardHandler), nil)
	h := access.NewGuard(k, keyring(t), nil).Audit(trail).Wrap(nothingOpen, http.NotFoundHandler())
	const tried = 5000
	for i := range tried {
		h.ServeHTTP(httptest.NewRecorder(), request("pf_"+fmt.Sprintf("%020x", i)+good[23:]))
	}
	h.ServeHTTP(httptest.NewRecorder(), request(good))
	h.ServeHTTP(httptest.NewRecorder(), request(""))
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := trail.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, e := range log.records {
		if e.Act != "token.refused" || e.Decision != "DENY" || strings.Contains(fmt.Sprint(e), good[24:]) {
			t.Errorf("%+v", e)
		}
		got[e.Code+" "+e.Name] += e.Count
	}
	if len(log.records) != 3 || got["INVALID_TOKEN "] != tried || got["INVALID_TOKEN "+row.ID] != 1 || got["TOKEN_MISSING "] != 1 {
		t.Errorf("%d records: %v", len(log.records), got)
	}
}
