package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/batbern/infrastructure/internal/wire"
)

func startRelay(t *testing.T, endpoint string) (relay *Relay, recordings string) {
	t.Helper()
	recordings = t.TempDir()
	relay, err := StartRelay(endpoint, recordings)
	if err != nil {
		t.Fatal(err)
	}
	return relay, recordings
}

// A relay keeps the host that was asked for, and keeps its connections open, although the emulator closes its own.
func TestRelayKeepsHostAndConnection(t *testing.T) {
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s%s: %s", r.Method, r.Host, r.URL.RequestURI(), body)
	}))
	defer emulator.Close()
	relay, recordings := startRelay(t, emulator.URL)
	if Loopback(relay.Address) != nil {
		t.Fatalf("the relay is at %s", relay.Address)
	}
	if err := relay.Begin("batbern-dev", PhaseApply); err != nil {
		t.Fatal(err)
	}
	proxy, err := url.Parse(relay.Address)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	for range 3 {
		answer, err := client.Post("http://123456789012.s3-control.eu-central-1.amazonaws.com/v20180820/x?y=1", "text/xml", strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if want := "POST 123456789012.s3-control.eu-central-1.amazonaws.com/v20180820/x?y=1: text"; string(text) != want || err != nil {
			t.Errorf("%q, %v; wanted %q", text, err, want)
		}
		if answer.Close {
			t.Error("the connection is closed after an answer")
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	client.CloseIdleConnections()
	if err := relay.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := client.Get(relay.Address); err == nil {
		t.Error("a stopped relay answers")
	}
	text, err := os.ReadFile(wire.File(recordings, "batbern-dev", PhaseApply))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var record wire.Record
	if err := json.Unmarshal(lines[0], &record); err != nil || len(lines) != 3 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if record.Path != "/v20180820/x?y=1" || string(record.Body) != "text" || record.Status != http.StatusOK ||
		record.Headers["content-type"] != "text/xml" || record.Host != "123456789012.s3-control.eu-central-1.amazonaws.com" {
		t.Errorf("recorded %+v", record)
	}
}

// cutting is an emulator that cuts off its first answers after their announced length.
func cutting(t *testing.T, cut int32) (address string, asked *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	asked = &atomic.Int32{}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 64<<10)
			if _, err := connection.Read(buffer); err == nil {
				answer := "the whole answer"
				fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(answer))
				if asked.Add(1) <= cut {
					answer = answer[:5]
				}
				io.WriteString(connection, answer)
			}
			connection.Close()
		}
	}()
	return "http://" + listener.Addr().String(), asked
}

func TestRelayRepeatsWhatMayBeRepeated(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		name, method, target, contentType, body string
		cut                                     int32
		status                                  int
		asked                                   int32
	}{
		{"whole answer", "GET", "", "", "", 0, http.StatusOK, 1},
		{"read cut once", "GET", "", "", "", 1, http.StatusOK, 2},
		{"read cut always", "GET", "", "", "", 9, http.StatusBadGateway, attempts},
		{"described by form", "POST", "", form, "Action=DescribeVpcs&Version=1", 1, http.StatusOK, 2},
		{"listed by target", "POST", "AmazonSSM.ListTagsForResource", "", "{}", 2, http.StatusOK, 3},
		{"created by form", "POST", "", form, "Action=CreateVpc", 1, http.StatusBadGateway, 1},
		{"created by target", "POST", "TrentService.CreateKey", "", "{}", 1, http.StatusBadGateway, 1},
		{"created by path", "PUT", "", "", "", 1, http.StatusBadGateway, 1},
		{"deleted by path", "DELETE", "", "", "", 1, http.StatusOK, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, asked := cutting(t, test.cut)
			relay, _ := startRelay(t, address)
			defer relay.Stop()
			request, err := http.NewRequest(test.method, relay.Address+"/x", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Amz-Target", test.target)
			request.Header.Set("Content-Type", test.contentType)
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != test.status || asked.Load() != test.asked {
				t.Errorf("status %d after %d requests (%v), want %d after %d", answer.StatusCode, asked.Load(), err, test.status, test.asked)
			}
			if test.status == http.StatusOK && string(text) != "the whole answer" {
				t.Errorf("the answer is %q", text)
			}
		})
	}
}

// A request that did not arrive may always be sent again; one that the emulator never takes is an error that says so.
func TestRelayWithoutAnEmulator(t *testing.T) {
	relay, _ := startRelay(t, "http://127.0.0.1:1")
	defer relay.Stop()
	answer, err := http.Post(relay.Address, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusBadGateway || !strings.Contains(string(text), "the emulator does not answer") {
		t.Errorf("%s: %s", answer.Status, text)
	}
}
