package processors

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxLiterals is how many literals of one kind a template has.
const maxLiterals = 24

// templateOf takes the literals out of a plain condition: one of selections,
// comparisons and && || ! alone. Thousands of rules that differ in a constant
// are then checked once, and run by one program. What it does not know for
// certain to be plain is checked as it stands.
func templateOf(text string) (template string, literals []ref.Val, plain bool) {
	var out strings.Builder
	for i := 0; i < len(text); {
		n, literal := lexeme(text[i:])
		if n == 0 || len(literals) >= maxLiterals && literal != nil {
			return "", nil, false
		}
		if literal == nil {
			out.WriteString(text[i : i+n])
		} else {
			out.WriteString(variableFor(literal.Type() == types.StringType, literal.Type() == types.IntType, len(literals)))
			literals = append(literals, literal)
		}
		i += n
	}
	return out.String(), literals, len(text) <= maxCondition && len(literals) > 0
}

func variableFor(text, whole bool, i int) string {
	kind := "_d"
	if text {
		kind = "_s"
	} else if whole {
		kind = "_i"
	}
	return kind + strconv.Itoa(i)
}

// lexeme is the length of the first token, 0 where it is none of a plain
// condition, and its value where it is a literal.
func lexeme(text string) (int, ref.Val) {
	switch c := text[0]; {
	case c == '"' || c == '\'':
		return quoted(text)
	case isLetter(c):
		n := run(text, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' })
		if n < len(text) && (text[n] == '"' || text[n] == '\'' || text[n] == '(') {
			return 0, nil // raw text, bytes, or a call
		}
		return n, nil
	case isDigit(c):
		return numeral(text)
	case c == '.':
		if len(text) > 1 && isLetter(text[1]) {
			return 1, nil
		}
		return 0, nil
	}
	for _, sign := range []string{"==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", " ", "\n", "\t"} {
		if strings.HasPrefix(text, sign) {
			return len(sign), nil
		}
	}
	return 0, nil
}

func quoted(text string) (int, ref.Val) {
	end := strings.IndexByte(text[1:], text[0]) + 1
	if end == 0 || strings.ContainsAny(text[:end], "\\\r\n") || !utf8.ValidString(text[:end]) {
		return 0, nil
	}
	if n := end + 1; n == len(text) || strings.IndexByte("\"'_", text[n]) < 0 && !isLetter(text[n]) && !isDigit(text[n]) {
		return n, types.String(text[1:end])
	}
	return 0, nil
}

func numeral(text string) (int, ref.Val) {
	n := run(text, func(c byte) bool { return isDigit(c) || c == '.' })
	if n > 15 || n < len(text) && (isLetter(text[n]) || text[n] == '_') || text[n-1] == '.' {
		return 0, nil
	}
	if whole, err := strconv.ParseInt(text[:n], 10, 64); err == nil {
		return n, types.Int(whole)
	}
	f, err := strconv.ParseFloat(text[:n], 64)
	if err != nil {
		return 0, nil
	}
	return n, types.Double(f)
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func run(text string, of func(c byte) bool) int {
	for i := range len(text) {
		if !of(text[i]) {
			return i
		}
	}
	return len(text)
}

// fill puts the literals where the look has the names of their variables.
func (c *condition) fill() {
	value := func(name string) string {
		i, _ := literalOf(name)
		v, _ := keyOf(c.literals[i])
		return v
	}
	c.equals = slices.Clone(c.look.equals)
	for i, e := range c.equals {
		c.equals[i].values = nil
		for _, name := range e.values {
			c.equals[i].values = append(c.equals[i].values, value(name))
		}
	}
	c.tags = nil
	for _, name := range c.look.tags {
		c.tags = append(c.tags, value(name))
	}
}
