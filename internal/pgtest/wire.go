package pgtest

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Wire carries connections to the server and breaks one of them at a given TLS record, counted over all connections in
// both directions. The record does not arrive: either the server never sees what the client sent, or the client never
// hears that the server has done it.
type Wire struct {
	Port int // where it listens, on the loopback address

	listener net.Listener
	target   string
	cutAt    int

	mu      sync.Mutex
	records int
}

// BreakableWire starts a wire to the server. It ends with the test.
func (s *Server) BreakableWire(t testing.TB, cutAt int) *Wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{
		Port:     listener.Addr().(*net.TCPAddr).Port,
		listener: listener,
		target:   net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)),
		cutAt:    cutAt,
	}
	t.Cleanup(func() { listener.Close() })
	go w.serve()
	return w
}

func (w *Wire) serve() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.carry(client)
	}
}

func (w *Wire) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer server.Close()
	var directions sync.WaitGroup
	directions.Go(func() { w.pass(server, client, 8) }) // the client's SSLRequest
	directions.Go(func() { w.pass(client, server, 1) }) // the server's answer to it
	directions.Wait()
}

// pass forwards a preamble of known length, then TLS records.
func (w *Wire) pass(to, from net.Conn, preamble int) {
	defer to.Close()
	defer from.Close()
	if !w.forward(to, from, make([]byte, preamble), 0) {
		return
	}
	for {
		header := make([]byte, 5)
		if _, err := io.ReadFull(from, header); err != nil {
			return
		}
		record := make([]byte, 5+int(binary.BigEndian.Uint16(header[3:])))
		copy(record, header)
		if !w.forward(to, from, record, 5) {
			return
		}
	}
}

// forward fills the rest of the record and sends it on, unless it is the one to break at.
func (w *Wire) forward(to, from net.Conn, record []byte, have int) bool {
	if _, err := io.ReadFull(from, record[have:]); err != nil {
		return false
	}
	w.mu.Lock()
	w.records++
	broken := w.records == w.cutAt
	w.mu.Unlock()
	if broken {
		return false
	}
	_, err := to.Write(record)
	return err == nil
}

// Cut tells whether the record has come up, and the connection was broken.
func (w *Wire) Cut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.records >= w.cutAt
}
