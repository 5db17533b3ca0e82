package testproc

import (
	"bytes"
	"sync"
	"testing"
)

// Shared is a server for all tests of a package, which starts when the first asks for it. The zero value is ready.
type Shared[S interface{ Stop() }] struct {
	once    sync.Once
	server  S
	err     error
	running bool
}

// Get returns the server. Where a tool is missing that it needs, the test is skipped, and fails where CI=true.
func (s *Shared[S]) Get(t testing.TB, start func() (S, error)) S {
	t.Helper()
	s.once.Do(func() {
		s.server, s.err = start()
		s.running = s.err == nil
	})
	Require(t, s.err)
	return s.server
}

// Stop ends the server, if it was started.
func (s *Shared[S]) Stop() {
	if s.running {
		s.server.Stop()
	}
}

// Output collects what a program writes, while others read it. The zero value is ready.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes more; it never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is everything written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
