package intake

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/klauspost/compress/zstd"

	"payerflow/api/problem"
)

// readWithin is how long a sender may take over one request.
const readWithin = 30 * time.Second

// room is how many bytes a request may come to need.
func room(r *http.Request) int64 {
	if r.ContentLength < 0 || r.Header.Get("Content-Encoding") != "" {
		return MaxBytes
	}
	return min(r.ContentLength, MaxBytes)
}

// read reads a body, decompressed, up to the limit. Nothing beyond the limit
// is decompressed or kept.
func read(w http.ResponseWriter, r *http.Request) ([]byte, *problem.Problem) {
	if r.ContentLength > MaxBytes {
		return nil, tooLarge()
	}
	until := http.NewResponseController(w)
	_ = until.SetReadDeadline(time.Now().Add(readWithin)) // a test's recorder has none
	defer func() { _ = until.SetReadDeadline(time.Time{}) }()
	body := io.Reader(http.MaxBytesReader(w, r.Body, MaxBytes))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, unreadable(err)
		}
		body = z
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8*MaxBytes), zstd.WithDecoderMaxMemory(16*MaxBytes))
		if err != nil {
			return nil, unreadable(err)
		}
		defer z.Close()
		body = z
	default:
		w.Header().Set("Accept-Encoding", "gzip, zstd, identity")
		return nil, problem.New(http.StatusUnsupportedMediaType, "UNSUPPORTED_ENCODING", "Content-Encoding is gzip, zstd or none")
	}
	doc, err := io.ReadAll(io.LimitReader(body, MaxBytes+1))
	switch {
	case len(doc) > MaxBytes:
		return nil, tooLarge()
	case err != nil:
		return nil, unreadable(err)
	}
	return doc, nil
}

func unreadable(err error) *problem.Problem {
	var beyond *http.MaxBytesError
	if errors.As(err, &beyond) || errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return tooLarge()
	}
	return problem.New(http.StatusBadRequest, "UNREADABLE", "the body ended early, or is not what Content-Encoding says")
}
