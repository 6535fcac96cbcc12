package codecs

import (
	"sync"

	"github.com/hamba/avro/v2"
)

// strict has no limits of its own: checkBounds has measured every length in a
// body before the library sees it, and the codec's limit bounds the body.
var strict = avro.Config{MaxByteSliceSize: -1}.Freeze()

var readers = sync.Pool{New: func() any { return avro.NewReader(nil, 0, avro.WithReaderConfig(strict)) }}

// decodeStrict reads exactly one value. Bytes that end early, even at the end
// of a field, and bytes that are left over are errors. The error never
// repeats what was read.
func decodeStrict(r resolution, body []byte, into any) (err error) {
	if err := checkBounds(r.writer, body); err != nil {
		return err
	}
	reader := readers.Get().(*avro.Reader)
	defer func() {
		if p := recover(); p != nil {
			err = errShape
			return // the reader's state is unknown: not pooled again
		}
		reader.Reset(nil)
		readers.Put(reader)
	}()
	reader.Reset(body)
	reader.Error = nil
	reader.ReadVal(r.schema, into)
	if reader.Error != nil {
		return errShape
	}
	return nil
}
