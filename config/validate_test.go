package config_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"payerflow/config"
)

func TestDefaultIsLegal(t *testing.T) {
	if err := config.Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		spoil func(*config.Config)
		want  []string
	}{
		{func(c *config.Config) { c.Broker.Seeds = nil }, []string{"broker.seeds is empty; legal: one or more"}},
		{func(c *config.Config) { c.Broker.Seeds = []string{"a", "b:0", ":1", "c:70000", "d:1", "d:1"} },
			[]string{"broker.seeds[0]", "broker.seeds[1]", "broker.seeds[2]", "broker.seeds[3]", `broker.seeds has "d:1" twice`}},
		{func(c *config.Config) { c.Broker.ClientID = "" }, []string{"broker.client-id is empty"}},
		{func(c *config.Config) { c.Broker.ClientID = "a b" }, []string{`broker.client-id is "a b"; legal: 1 to 249`}},
		{func(c *config.Config) { c.Broker.SASL = config.SASL{Mechanism: "GSSAPI"} },
			[]string{`broker.sasl.mechanism is "GSSAPI"; legal: none, PLAIN`}},
		{func(c *config.Config) { c.Broker.SASL.Password = "s3cret" }, []string{"broker.sasl.username is empty"}},
		{func(c *config.Config) { c.Broker.SASL = config.SASL{Mechanism: "PLAIN", Username: "u"} }, []string{"broker.sasl.password is empty"}},
		{func(c *config.Config) { c.Broker.SASL = config.SASL{Mechanism: "none", Password: "s3cret"} }, []string{"broker.sasl.mechanism is none"}},
		{func(c *config.Config) {
			c.Broker.SASL = config.SASL{Mechanism: "PLAIN", Username: "u", Password: "s3cret", PasswordFile: "f"}
		}, []string{"broker.sasl.password and broker.sasl.password-file"}},
		{func(c *config.Config) { c.Broker.TLS = config.TLS{CA: "ca.pem"} }, []string{"broker.tls.enabled is false"}},
		{func(c *config.Config) { c.Broker.TLS = config.TLS{Enabled: true, Cert: "c.pem"} }, []string{"broker.tls.cert and broker.tls.key"}},
		{func(c *config.Config) { c.Security.OIDC = config.OIDC{Issuer: "http://elsewhere"} },
			[]string{"security.oidc.issuer is not", "security.oidc.audience is empty", "security.oidc.team-claim is empty", "security.oidc.scopes-claim is empty"}},
		{func(c *config.Config) { c.Registry.URL = "" }, []string{"registry.url is empty"}},
		{func(c *config.Config) { c.Registry.URL = "h:8081" }, []string{"registry.url begins neither"}},
		{func(c *config.Config) { c.Registry.URL = "http://:8081" }, []string{"registry.url has no host"}},
		{func(c *config.Config) { c.Registry.URL = "http://h?token=s3cret" }, []string{"registry.url has a query"}},
		{func(c *config.Config) { c.Registry.URL = "http://u:s3cret@h:port" }, []string{"registry.url is not a URL"}},
		{func(c *config.Config) { c.HTTP = config.HTTP{Addr: "8080"} },
			[]string{`http.addr is "8080"; legal: host:port`, "http.read-header-timeout is 0s; legal: 1ms to 5m0s", "http.shutdown-timeout is 0s"}},
		{func(c *config.Config) { c.Engine = config.Engine{} }, []string{
			"engine.data-dir is empty", `engine.guarantee is ""; legal: exactly-once, at-least-once`, `engine.standby is ""; legal: none, all`, "engine.batch-records is 0; legal: 1 to 1000000", "engine.batch-interval is 0s",
			"engine.session-timeout is 0s; legal: 6s to 30m0s", "engine.transaction-timeout is 0s", "engine.freshness is 0s",
			"engine.batch-interval is not below engine.transaction-timeout", "engine.freshness is not above engine.batch-interval"}},
		{func(c *config.Config) { c.Demo = config.Demo{Rate: math.NaN()} },
			[]string{"demo.kafka-addr", "demo.registry-addr", "demo.rate is NaN; legal: above 0"}},
		{func(c *config.Config) { c.DLQ.Alert = config.Alert{URL: "ftp://h/s3cret"} }, []string{"dlq.alert.url is not such a URL", "dlq.alert.interval is 0s; legal: 100ms to 24h"}},
		{func(c *config.Config) { c.DLQ.Alert.URL = "https://u:s3cret@" }, []string{"dlq.alert.url"}},
		{func(c *config.Config) { c.Demo.Rate = math.Inf(1) }, []string{"demo.rate is +Inf"}},
		{func(c *config.Config) {
			c.Tracing = config.Tracing{Protocol: "zipkin", Endpoint: "https://u:s3cret@h", Sample: math.NaN()}
		},
			[]string{`tracing.protocol is "zipkin"; legal: none, grpc, http`, "tracing.endpoint is not such a URL", "tracing.sample is NaN; legal: 0 to 1"}},
		{func(c *config.Config) { c.Log = config.Log{Level: "INFO"} },
			[]string{`log.level is "INFO"; legal: debug, info, warn, error`, `log.format is ""`}},
	} {
		cfg := config.Default()
		c.spoil(&cfg)
		err := cfg.Validate()
		if err == nil {
			t.Errorf("no fault, want %q", c.want)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("lacks %q:\n%v", want, err)
			}
		}
		if n := strings.Count(err.Error(), "\n") + 1; n != len(c.want) {
			t.Errorf("%d faults, want %d:\n%v", n, len(c.want), err)
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("quotes a secret:\n%v", err)
		}
	}
}

func TestLegalEdges(t *testing.T) {
	for _, change := range []func(*config.Config){
		func(c *config.Config) { c.HTTP.Addr, c.Demo.KafkaAddr = ":0", "[::1]:0" },
		func(c *config.Config) { c.Registry.URL = "https://u:p@registry.example/apis/ccompat/v7" },
		func(c *config.Config) { c.Engine.BatchRecords, c.Engine.TransactionTimeout = 1, 15*time.Minute },
	} {
		cfg := config.Default()
		change(&cfg)
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
}
