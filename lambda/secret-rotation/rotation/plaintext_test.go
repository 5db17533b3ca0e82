package rotation

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
)

// plaintextServer answers like a PostgreSQL without TLS and keeps what it hears afterwards.
type plaintextServer struct {
	port        int
	mu          sync.Mutex
	said        []byte
	connections int
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
	s.mu.Lock()
	s.connections++
	s.mu.Unlock()
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

func (s *plaintextServer) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

func (s *plaintextServer) heard() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}
