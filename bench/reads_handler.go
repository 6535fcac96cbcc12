package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// readsHandler is the peer of the reads: what one would write in an afternoon
// to serve rows that Redis has. It knows no permissions, audit or freshness.
func readsHandler(addr string) error {
	c := redis.NewClient(&redis.Options{Addr: addr, PoolSize: connections})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /row/{key}", func(w http.ResponseWriter, req *http.Request) {
		row, err := c.Get(req.Context(), req.PathValue("key")).Bytes()
		if errors.Is(err, redis.Nil) {
			http.Error(w, "no such row", http.StatusNotFound)
			return
		}
		send(w, row, err)
	})
	mux.HandleFunc("GET /page/{key}", func(w http.ResponseWriter, req *http.Request) {
		page, err := redisPage(req.Context(), c, req.PathValue("key"), req.FormValue("from"), req.FormValue("limit"))
		send(w, page, err)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listens at", l.Addr())
	s := &http.Server{Handler: mux}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		_ = s.Close()
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// redisPage is a page of a list: the order is in a sorted set, the rows beside it.
func redisPage(ctx context.Context, c *redis.Client, key, from, limit string) ([]byte, error) {
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(limit, 10, 64)
	if err != nil {
		return nil, err
	}
	ids, err := c.ZRange(ctx, key, first, first+n-1).Result()
	if err != nil {
		return nil, err
	}
	rows, err := c.MGet(ctx, ids...).Result()
	if err != nil {
		return nil, err
	}
	out := []byte{'['}
	for i, row := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		text, _ := row.(string)
		out = append(out, text...)
	}
	return append(out, ']'), nil
}

func send(w http.ResponseWriter, body []byte, err error) {
	if err != nil {
		http.Error(w, "redis does not answer", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}
