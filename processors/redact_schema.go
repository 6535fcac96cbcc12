package processors

import "payerflow/tables"

func redactedSchema(t tables.EventType) (string, error) {
	return t.Schema, nil
}
