// This file answers: which line of benefits does a booked service need.

package processors

import "strings"

// Lines of benefits, as coverageType names them.
const (
	lineMedical = "MEDICAL"
	lineDental  = "DENTAL"
	lineVision  = "VISION"
)

// visionCodes are services of routine eye care outside of the vision section
// of HCPCS: refraction, and routine eye examinations with refraction.
var visionCodes = map[string]bool{"92015": true, "S0620": true, "S0621": true}

// serviceLine is the line of benefits that pays for a procedure code. Codes of
// dental services are CDT's, D and four digits; vision services are the section
// V0000 to V2999 of HCPCS Level II (45 CFR 162.1002(a)(4) and (5)). Dental and
// vision benefits of limited scope are coverage of their own (45 CFR
// 146.145(b)(3)); all other services are medical.
func serviceLine(code string) string {
	code = strings.ToUpper(code)
	switch {
	case len(code) == 5 && code[0] == 'D' && digits(code[1:]):
		return lineDental
	case len(code) == 5 && code[0] == 'V' && code[1] <= '2' && digits(code[1:]), visionCodes[code]:
		return lineVision
	}
	return lineMedical
}

func digits(text string) bool { return strings.Trim(text, "0123456789") == "" }
