package events

import (
	"net/url"
	"slices"
	"strings"
)

// TagsText is how tags stand in one text, as the CloudEvents extension `tags`
// and the header ce_tags have them: sorted, each once, percent-encoded,
// joined with commas.
func TagsText(tags []string) string {
	encoded := make([]string, len(tags))
	for i, t := range tags {
		encoded[i] = url.PathEscape(t)
	}
	slices.Sort(encoded)
	return strings.Join(slices.Compact(encoded), ",")
}

// ParseTags is the inverse of TagsText: sorted tags, each once. It is false
// where a tag is empty or not percent-encoded.
func ParseTags(text string) ([]string, bool) {
	if text == "" {
		return nil, true
	}
	var tags []string
	for part := range strings.SplitSeq(text, ",") {
		t, err := url.PathUnescape(part)
		if err != nil || t == "" {
			return nil, false
		}
		tags = append(tags, t)
	}
	slices.Sort(tags)
	return slices.Compact(tags), true
}
