package observe

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
)

// Client counts what a Kafka client does: connections, bytes, waits and errors
// by broker, records by topic. The name says which client, out of a bounded
// set; a client that takes the place of one of the same name counts anew. A nil
// registry counts nothing.
func Client(reg prometheus.Registerer, name string) kgo.Opt {
	if reg == nil {
		return kgo.WithHooks()
	}
	of := replacing{prometheus.WrapRegistererWith(prometheus.Labels{"client": name}, reg)}
	return kgo.WithHooks(kprom.NewMetrics("payerflow_kafka", kprom.Registerer(of), kprom.FetchAndProduceDetail(kprom.ByTopic)))
}

// replacing lets the collectors of a run take the place of those of a run that
// was cut short and never took them back.
type replacing struct{ prometheus.Registerer }

func (r replacing) Register(c prometheus.Collector) error {
	err := r.Registerer.Register(c)
	if known := (prometheus.AlreadyRegisteredError{}); errors.As(err, &known) {
		r.Unregister(known.ExistingCollector)
		err = r.Registerer.Register(c)
	}
	return err
}

func (r replacing) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}
