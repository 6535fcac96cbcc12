package api

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

const (
	// compressFrom is the size from which an answer is worth the work.
	compressFrom = 1 << 10
	// jitter is how many bytes of padding hide the exact size of what is
	// compressed: see docs/adr/0013.
	jitter = 64
)

// compressed compresses answers of views for those who ask for it.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.EnableZstd(true), gzhttp.PreferZstd(true), gzhttp.RandomJitter(jitter, 0, false),
		gzhttp.ContentTypes([]string{"application/json", csvType, ndjsonType}))
	if err != nil {
		panic(err) // options that contradict one another
	}
	small := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/views/") && !wantsEvents(r.Header.Get("Accept")) {
			small.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
