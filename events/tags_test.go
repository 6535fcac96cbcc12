package events

import (
	"slices"
	"testing"
)

func TestTagsTextIsSortedAndEncoded(t *testing.T) {
	tags := []string{"state:MO", "approved", "a,b", "50%", "naïve", "approved", "with space"}
	text := TagsText(tags)
	if want := "50%25,a%2Cb,approved,na%C3%AFve,state:MO,with%20space"; text != want {
		t.Fatalf("got %s, want %s", text, want)
	}
	back, ok := ParseTags(text)
	slices.Sort(tags)
	if !ok || !slices.Equal(back, slices.Compact(tags)) {
		t.Fatalf("got %q", back)
	}
	for _, bad := range []string{",", "a,", "%", "%zz", "a,,b"} {
		if _, ok := ParseTags(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
	if none, ok := ParseTags(""); !ok || none != nil {
		t.Errorf("no tags: %q %v", none, ok)
	}
}

func FuzzTags(f *testing.F) {
	f.Add("a,b%2C,c")
	f.Fuzz(func(t *testing.T, text string) {
		tags, ok := ParseTags(text)
		if !ok {
			return
		}
		again, ok := ParseTags(TagsText(tags))
		if !ok || !slices.Equal(again, tags) {
			t.Fatalf("%q became %q", tags, again)
		}
	})
}
