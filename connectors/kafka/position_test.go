package kafka

import "testing"

func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"1f2e3d4c.0:42", "1f2e3d4c.0:42,1:17", "", ".", "1f2e3d4c.", "1f2e3d4c.1:1,0:1", "1f2e3d4c.0:1,0:1", "1f2e3d4c.0:-1", "1F2e3d4c.0:1", "1f2e3d4c.00:1", "1f2e3d4c.0:99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePosition(text)
		if err != nil {
			return
		}
		if p.String() != text {
			t.Errorf("%q reads as %q", text, p)
		}
		for n, o := range p.Next {
			if n < 0 || o < 0 {
				t.Errorf("%q has %d:%d", text, n, o)
			}
		}
	})
}
