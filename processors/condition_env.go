package processors

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"payerflow/events"
)

// Bounds of a condition. None of them is a clock: a condition costs the same
// everywhere.
const (
	maxCondition    = 4 << 10 // code points
	maxNesting      = 2       // comprehensions within each other
	maxDepth        = 50      // of the expression
	maxNodes        = 2000
	maxRegex        = 256  // characters
	maxRegexProgram = 1000 // instructions
)

// What a condition can name.
const (
	bodyVariable  = "body"
	eventVariable = "event"
	tagsVariable  = "tags"
	eventStruct   = "mediator.event"
)

// rowVariable is what conditions on the rows of a view name.
const rowVariable = "row"

// language is CEL over the events of one type, or over the rows of one view.
type language struct {
	env   *cel.Env
	root  string // variable of the body, or of the row
	body  *shape
	looks memo[look]
}

// attribute is a metadata attribute as conditions read it.
type attribute struct {
	typ *types.Type
	get func(e *events.Envelope) ref.Val
}

func textual(get func(e *events.Envelope) string) attribute {
	return attribute{types.StringType, func(e *events.Envelope) ref.Val { return types.String(get(e)) }}
}

func moment(get func(e *events.Envelope) events.Instant) attribute {
	return attribute{types.TimestampType, func(e *events.Envelope) ref.Val { return types.Timestamp{Time: get(e).Time().In(time.UTC)} }}
}

// attributes are what event.NAME reads.
var attributes = map[string]attribute{
	"id":              textual(func(e *events.Envelope) string { return e.ID }),
	"eventType":       textual(func(e *events.Envelope) string { return string(e.Type) }),
	"typeVersion":     {types.IntType, func(e *events.Envelope) ref.Val { return types.Int(e.TypeVersion) }},
	"key":             textual(func(e *events.Envelope) string { return string(e.Key) }),
	"transactionId":   textual(func(e *events.Envelope) string { return e.TransactionID }),
	"userId":          textual(func(e *events.Envelope) string { return string(e.UserID) }),
	"transactionType": textual(func(e *events.Envelope) string { return e.TransactionType }),
	"sourceSystem":    textual(func(e *events.Envelope) string { return e.SourceSystem }),
	"publisher":       textual(func(e *events.Envelope) string { return e.Publisher }),
	"synthetic":       {types.BoolType, func(e *events.Envelope) ref.Val { return types.Bool(e.Synthetic) }},
	"time":            moment(func(e *events.Envelope) events.Instant { return e.At }),
	"receivedAt":      moment(func(e *events.Envelope) events.Instant { return e.ReceivedAt }),
	"subject": {types.NewNullableType(types.StringType), func(e *events.Envelope) ref.Val {
		if e.EventSubject == nil {
			return types.NullValue
		}
		return types.String(*e.EventSubject)
	}},
	"extensions": {types.NewMapType(types.StringType, types.StringType), func(e *events.Envelope) ref.Val {
		return types.NewStringStringMap(types.DefaultTypeAdapter, e.Extensions)
	}},
}

func newLanguage(schema string) (*language, error) {
	s, body := newShapes(schema)
	return languageOf(bodyVariable, body, s.structs, cel.Variable(eventVariable, types.NewObjectType(eventStruct)), cel.Variable(tagsVariable, types.NewListType(types.StringType)))
}

func languageOf(root string, body *shape, structs map[string]*shape, more ...cel.EnvOption) (*language, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	variables := []cel.EnvOption{cel.CustomTypeProvider(provider{registry, structs}), cel.CustomTypeAdapter(registry)}
	for i := range maxLiterals {
		variables = append(variables, cel.Variable(variableFor(true, false, i), types.StringType),
			cel.Variable(variableFor(false, true, i), types.IntType), cel.Variable(variableFor(false, false, i), types.DoubleType))
	}
	env, err := cel.NewEnv(append(append(variables, more...),
		cel.Variable(root, body.typ), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxCondition), cel.ParserRecursionLimit(maxDepth), cel.ParserErrorRecoveryLimit(1), cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegexProgram),
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(maxNesting), cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
	)...)
	return &language{env: env, root: root, body: body}, err
}

// provider tells CEL of the structs of a body, beside its own types.
type provider struct {
	*types.Registry
	structs map[string]*shape
}

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, ours := p.structs[name]; ours || name == eventStruct {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if name == eventStruct {
		a, ok := attributes[field]
		return &types.FieldType{Type: a.typ, IsSet: func(target any) bool {
			e, ok := target.(*events.Envelope)
			return ok && a.get(e) != types.NullValue
		}, GetFrom: func(target any) (any, error) {
			e, ok := target.(*events.Envelope)
			if !ok {
				return types.NullValue, nil
			}
			return a.get(e), nil
		}}, ok
	}
	s, ours := p.structs[name]
	if !ours {
		return p.Registry.FindStructFieldType(name, field)
	}
	f, ok := s.fields[field]
	if !ok {
		return nil, false
	}
	return &types.FieldType{Type: f.typ, IsSet: func(target any) bool { return isSet(target, field) },
		GetFrom: func(target any) (any, error) { return member(target, field, f), nil }}, true
}

// sizes tells the cost estimate how large what an event holds can be.
type sizes struct {
	root string
	body *shape
}

func (s sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

func (s sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	path := n.Path()
	if len(path) == 0 {
		return nil
	}
	most := uint64(mostItems)
	switch {
	case path[0][0] == '_':
		most = maxCondition
	case path[0] == tagsVariable && len(path) == 1:
		most = maxListed
	case path[0] == tagsVariable:
		most = maxTagBytes
	case path[0] == s.root:
		if at := s.body.below(path[1:]); at != nil {
			most = at.most
		}
	}
	return &cost.SizeEstimate{Min: 0, Max: most}
}

// below follows a path of field names, @items, @values and @keys.
func (s *shape) below(path []string) *shape {
	for _, step := range path {
		next := s.fields[step]
		if next == nil && step != "@keys" {
			next = s.items
		}
		if next == nil {
			return nil
		}
		s = next
	}
	return s
}
