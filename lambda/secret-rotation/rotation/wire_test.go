package rotation

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
)

// wire carries connections to the server and breaks one of them at a given TLS record, counted over all connections in
// both directions. A record that is broken off does not arrive.
type wire struct {
	port     int
	listener net.Listener
	target   string
	cutAt    int

	mu      sync.Mutex
	records int
}

func newWire(t testing.TB, serverPort, cutAt int) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{
		port:     listener.Addr().(*net.TCPAddr).Port,
		listener: listener,
		target:   net.JoinHostPort("127.0.0.1", strconv.Itoa(serverPort)),
		cutAt:    cutAt,
	}
	t.Cleanup(w.close)
	go w.serve()
	return w
}

func (w *wire) close() { w.listener.Close() }

func (w *wire) serve() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.carry(client)
	}
}

func (w *wire) carry(client net.Conn) {
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
func (w *wire) pass(to, from net.Conn, preamble int) {
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
func (w *wire) forward(to, from net.Conn, record []byte, have int) bool {
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

func (w *wire) cut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.records >= w.cutAt
}

// plaintextServer answers like a PostgreSQL without TLS and keeps what it hears afterwards.
type plaintextServer struct {
	port int
	mu   sync.Mutex
	said []byte
}

func startPlaintextServer(t testing.TB) *plaintextServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s := &plaintextServer{port: listener.Addr().(*net.TCPAddr).Port}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.refuse(conn)
		}
	}()
	return s
}

func (s *plaintextServer) refuse(conn net.Conn) {
	defer conn.Close()
	request := make([]byte, 8)
	if _, err := io.ReadFull(conn, request); err != nil {
		return
	}
	if binary.BigEndian.Uint32(request[4:]) != 80877103 { // not an SSLRequest: the client speaks in clear
		s.keep(request)
	} else if _, err := conn.Write([]byte{'N'}); err != nil {
		return
	}
	rest, _ := io.ReadAll(conn)
	s.keep(rest)
}

func (s *plaintextServer) keep(said []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, said...)
}

func (s *plaintextServer) heard() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}
