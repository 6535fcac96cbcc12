package audit

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"payerflow/tables"
)

// Acting is the surface on which everything but a look is an act, which is
// written down, done or refused. What is registered on it needs nothing more.
func Acting(api huma.API) huma.API {
	group := huma.NewGroup(api)
	group.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		if op := ctx.Operation(); op.Method != http.MethodGet {
			object, act := actOf(op.OperationID)
			Acts(ctx.Context(), act, object, named(ctx), ctx.Query("why"))
		}
		next(ctx)
	})
	return group
}

// Reading says of an operation that it shows something of audited classes. key
// is the parameter of its path that is an entity's key, "" where there is none.
func Reading(act, object, name, key string, classes []string) huma.Middlewares {
	return huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		var keys []string
		if k := ctx.Param(key); key != "" && k != "" {
			keys = []string{k}
		}
		of := name
		if of == "" {
			of = named(ctx)
		}
		if p := Reads(ctx.Context(), act, object, of, classes, keys...); p != nil {
			_, w := humago.Unwrap(ctx)
			p.Write(w)
			return
		}
		next(ctx)
	}}
}

// named is what a path is about: team/name, or its topic.
func named(ctx huma.Context) string {
	name := ctx.Param("name") + ctx.Param("topic")
	if team := ctx.Param("team"); team != "" {
		return team + "/" + name
	}
	return name
}

// kinds of rows, as the names of operations end.
var kinds = []string{tables.KindEventType, tables.KindRoutingRule, tables.KindSubscription, tables.KindAggregation, tables.KindPermission, tables.KindToken, tables.KindPolicy, tables.KindProposal, tables.KindBreakGlass, tables.KindGracePolicy}

// actOf is the kind of row and the act of an operation: put-token is token.put.
func actOf(operation string) (object, act string) {
	for _, k := range kinds {
		if verb, ok := strings.CutSuffix(operation, "-"+k); ok {
			return k, k + "." + verb
		}
	}
	return operation, operation
}
