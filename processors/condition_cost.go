package processors

import (
	"regexp/syntax"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// What conditions may cost, in CEL's units.
const (
	maxEstimatedCost = 10_000_000 // one, when it is saved, for the largest event
	maxCost          = 1_000_000  // one, when it runs
	// maxTeamCost is for all of one team together on one event, so that the cost
	// of an event is bounded by the number of teams, however many rules each has.
	maxTeamCost = 1_000_000
	cheap       = 1_000 // what costs no more is not measured when it runs
)

// regexSteps is how many steps of a regular expression cost as much as a unit.
const regexSteps = 10

// regexes tells the measurement what matching costs: each character of the
// text takes as many steps as the expression has instructions, and not
// characters, of which "(.*a){40}" has few.
type regexes struct{ instructions int }

// CallCost is what matching costs; other calls cost what CEL says.
func (r regexes) CallCost(_, overload string, args []ref.Val, _ ref.Val) *uint64 {
	if overload != overloads.Matches && overload != overloads.MatchesString || len(args) == 0 {
		return nil
	}
	text, _ := args[0].(types.String)
	n := uint64((len(text)+1)*r.instructions/regexSteps + 1)
	return &n
}

// regexesOf finds the largest regular expression of a condition. Conditions
// have them as literals alone.
func regexesOf(checked *cel.Ast) (r regexes) {
	for _, call := range ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.FunctionMatcher(overloads.Matches)) {
		args, n := call.AsCall().Args(), maxRegexProgram
		if pattern, ok := args[len(args)-1].AsLiteral().(types.String); ok {
			n = instructions(string(pattern))
		}
		r.instructions = max(r.instructions, n)
	}
	return r
}

func instructions(pattern string) int {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return maxRegexProgram
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return maxRegexProgram
	}
	return len(program.Inst)
}
