package pgtest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// FailingServer carries connections to the server and replaces statements by others that the server refuses. Unlike a
// Wire it reads what crosses it, with the server's own certificate.
type FailingServer struct {
	Port int // where it listens, on the loopback address

	server *Server
	// spoils returns what replaces a user's statement, the n-th over all connections; "" leaves it.
	spoils func(user, statement string, n int) string

	mu         sync.Mutex
	statements int
	failed     string
}

// FailStatement starts a way to the server on which the n-th statement fails. It ends with the test.
func (s *Server) FailStatement(t testing.TB, n int) *FailingServer {
	t.Helper()
	return s.spoil(t, func(_, _ string, number int) string {
		if number != n {
			return ""
		}
		return "planted failure" // no SQL: the server answers with a syntax error
	})
}

// DenyPasswords starts a way to the server on which the user may alter no role, as rds.restrict_password_commands does
// for everybody but the members of rds_password. It ends with the test.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.RestrictPasswordMgmt.html
func (s *Server) DenyPasswords(t testing.TB, user string) *FailingServer {
	t.Helper()
	return s.spoil(t, func(by, statement string, _ int) string {
		if by != user || !strings.HasPrefix(strings.ToUpper(statement), "ALTER ROLE") {
			return ""
		}
		return "DO $$ BEGIN RAISE insufficient_privilege; END $$"
	})
}

func (s *Server) spoil(t testing.TB, spoils func(user, statement string, n int) string) *FailingServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	f := &FailingServer{Port: listener.Addr().(*net.TCPAddr).Port, server: s, spoils: spoils}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go f.carry(client)
		}
	}()
	return f
}

// Failed is the statement that was put out of order, "" when there were fewer.
func (f *FailingServer) Failed() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

func (f *FailingServer) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(f.server.Port)))
	if err != nil {
		return
	}
	defer server.Close()
	request, answer := make([]byte, 8), make([]byte, 1) // for TLS
	if _, err := io.ReadFull(client, request); err != nil {
		return
	}
	if _, err := server.Write(request); err != nil {
		return
	}
	if _, err := io.ReadFull(server, answer); err != nil {
		return
	}
	if _, err := client.Write(answer); err != nil {
		return
	}
	near := tls.Server(client, &tls.Config{Certificates: []tls.Certificate{f.server.certificate}})
	far := tls.Client(server, f.server.authority.clientTLS(Host))
	var directions sync.WaitGroup
	directions.Go(func() {
		defer server.Close()
		f.forward(far, near)
	})
	directions.Go(func() {
		defer client.Close()
		_, _ = io.Copy(near, far) // the other end finds out by itself
	})
	directions.Wait()
}

// forward passes the client's messages on: the first has no type, all others have one.
// https://www.postgresql.org/docs/15/protocol-message-formats.html
func (f *FailingServer) forward(to io.Writer, from io.Reader) {
	user := ""
	for head := 4; ; head = 5 {
		message := make([]byte, head)
		if _, err := io.ReadFull(from, message); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(message[head-4:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if head == 4 {
			user = startupUser(body)
		} else {
			body = f.spoil(user, message[0], body)
			binary.BigEndian.PutUint32(message[1:], uint32(len(body)+4))
		}
		if _, err := to.Write(append(message, body...)); err != nil {
			return
		}
	}
}

// startupUser is the user that the first message names: after the protocol's version, keys and values take turns.
func startupUser(body []byte) string {
	fields := strings.Split(string(body[min(4, len(body)):]), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "user" {
			return fields[i+1]
		}
	}
	return ""
}

// spoil replaces the statement in a simple query, or in one that is prepared.
func (f *FailingServer) spoil(user string, kind byte, body []byte) []byte {
	if kind != 'Q' && kind != 'P' {
		return body
	}
	name, statement := []byte(nil), body
	if kind == 'P' {
		end := bytes.IndexByte(body, 0) + 1
		name, statement = body[:end], body[end:]
	}
	text, _, _ := bytes.Cut(statement, []byte{0})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statements++
	replacement := f.spoils(user, string(text), f.statements)
	if replacement == "" {
		return body
	}
	f.failed = string(text)
	spoilt := append(append(bytes.Clone(name), replacement...), 0)
	if kind == 'P' {
		spoilt = append(spoilt, 0, 0) // no types of parameters
	}
	return spoilt
}
