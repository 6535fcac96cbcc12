package api

import (
	"bytes"
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

var docsTemplate = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}} API</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2rem;font-size:1.1rem}code{font-family:ui-monospace,monospace}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #8885;padding:.3rem .6rem;text-align:left;vertical-align:top}</style></head><body>
<h1>{{.Title}} API {{.Version}}</h1><p>{{.Doc}} The machine-readable description is at <a href="/openapi.json">/openapi.json</a>; metrics are at <a href="/metrics">/metrics</a>.</p>
{{range .Operations}}<section><h2><code>{{.Method}} {{.Path}}</code></h2><p>{{.Summary}}.{{if .Doc}} {{.Doc}}{{end}}</p>
{{if .Parameters}}<table><tr><th>parameter</th><th>in</th><th>what it is</th></tr>
{{range .Parameters}}<tr><td><code>{{.Name}}</code></td><td>{{.In}}</td><td>{{.Doc}}</td></tr>{{end}}</table>{{end}}</section>
{{end}}</body></html>
`))

type docsOperation struct {
	Method, Path, Summary, Doc string
	Parameters                 []docsParameter
}

type docsParameter struct{ Name, In, Doc string }

// docsPage is a plain page made from the OpenAPI description. It needs no
// script and nothing from outside.
func docsPage(api huma.API) http.HandlerFunc {
	page := sync.OnceValue(func() []byte {
		o := api.OpenAPI()
		data := struct {
			Title, Version, Doc string
			Operations          []docsOperation
		}{o.Info.Title, o.Info.Version, o.Info.Description, nil}
		for p, item := range o.Paths {
			for method, o := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete} {
				if o != nil {
					data.Operations = append(data.Operations, documented(method, p, o))
				}
			}
		}
		slices.SortFunc(data.Operations, func(a, b docsOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		var b bytes.Buffer
		if err := docsTemplate.Execute(&b, data); err != nil {
			panic(err) // the template is a constant
		}
		return b.Bytes()
	})
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = w.Write(page()) // the client may be gone
	}
}

func documented(method, path string, o *huma.Operation) docsOperation {
	op := docsOperation{Method: method, Path: path, Summary: o.Summary, Doc: o.Description}
	for _, p := range o.Parameters {
		op.Parameters = append(op.Parameters, docsParameter{p.Name, p.In, p.Description})
	}
	return op
}
