package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Get reads the row of a key. It fails with a Problem ROW_NOT_FOUND where there
// is none.
func Get[T any](ctx context.Context, c *Client, view, key string, ask Ask) (row Row[T], err error) {
	err = c.call(ctx, http.MethodGet, rowPath(view, key), ask.query(), nil, &row)
	return row, err
}

// Result is what a batch has for a key.
type Result[T any] struct {
	Status  int      `json:"status"`
	Row     *Row[T]  `json:"row"`
	Problem *Problem `json:"problem"`
}

// Batch reads the rows of up to 1000 keys, in their order.
func Batch[T any](ctx context.Context, c *Client, view string, keys []string, ask Ask) ([]Result[T], error) {
	var out struct {
		Rows []Result[T] `json:"rows"`
	}
	err := c.call(ctx, http.MethodPost, "/v1/views/"+url.PathEscape(view)+"/batch", ask.query(), map[string]any{"keys": keys}, &out)
	return out.Rows, err
}

// pageRows is how many rows a page has.
const pageRows = 200

// Under reads the rows under a key, in their order, page by page. It stops at
// the first error.
func Under[T any](ctx context.Context, c *Client, view, key string, ask Ask) iter.Seq2[Row[T], error] {
	return pages[T](ctx, c, rowPath(view, key), ask.query())
}

// List reads the rows of a view for which a condition holds ("": all), page by
// page.
func List[T any](ctx context.Context, c *Client, view, where string, ask Ask) iter.Seq2[Row[T], error] {
	q := ask.query()
	if where != "" {
		q.Set("where", where)
	}
	return pages[T](ctx, c, "/v1/views/"+url.PathEscape(view), q)
}

func pages[T any](ctx context.Context, c *Client, path string, q url.Values) iter.Seq2[Row[T], error] {
	return func(yield func(Row[T], error) bool) {
		q.Set("limit", strconv.Itoa(pageRows))
		for {
			var page struct {
				Rows []Row[T] `json:"rows"`
				Next string   `json:"next"`
			}
			if err := c.call(ctx, http.MethodGet, path, q, nil, &page); err != nil {
				yield(Row[T]{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.Set("cursor", page.Next)
		}
	}
}
