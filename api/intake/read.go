package intake

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"

	"payerflow/api/problem"
)

// errFull is what a meter says.
var errFull = errors.New("no room for more bytes")

// read reads a body, decompressed, up to the limit. Nothing beyond the limit
// is decompressed or kept.
func (s *stay) read(w http.ResponseWriter, r *http.Request, patience time.Duration) ([]byte, *problem.Problem) {
	if r.ContentLength > MaxBytes {
		return nil, tooLarge()
	}
	until := http.NewResponseController(w)
	_ = until.SetReadDeadline(time.Now().Add(patience)) // a test's recorder has none
	defer func() { _ = until.SetReadDeadline(time.Time{}) }()
	body, closed, p := decompressed(w, r)
	if p != nil {
		return nil, p
	}
	defer closed()
	doc, err := io.ReadAll(&meter{Reader: io.LimitReader(body, MaxBytes+1), stay: s, full: errFull})
	switch {
	case len(doc) > MaxBytes:
		return nil, tooLarge()
	case err != nil:
		return nil, unreadable(err)
	}
	return doc, nil
}

func decompressed(w http.ResponseWriter, r *http.Request) (body io.Reader, closed func(), p *problem.Problem) {
	body = http.MaxBytesReader(w, r.Body, MaxBytes)
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		return body, func() {}, nil
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, nil, unreadable(err)
		}
		return z, func() {}, nil
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8*MaxBytes), zstd.WithDecoderMaxMemory(16*MaxBytes))
		if err != nil {
			return nil, nil, unreadable(err)
		}
		return z, z.Close, nil
	}
	w.Header().Set("Accept-Encoding", "gzip, zstd, identity")
	return nil, nil, problem.New(http.StatusUnsupportedMediaType, "UNSUPPORTED_ENCODING", "Content-Encoding is gzip, zstd or none")
}

func unreadable(err error) *problem.Problem {
	var beyond *http.MaxBytesError
	switch {
	case errors.Is(err, errFull):
		return busy()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem.New(http.StatusRequestTimeout, "TOO_SLOW", "the body did not arrive in time")
	case errors.As(err, &beyond), errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return tooLarge()
	}
	return problem.New(http.StatusBadRequest, "UNREADABLE", "the body ended early, or is not what Content-Encoding says")
}
