package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/batbern/infrastructure/internal/wire"
)

// attempts is how often a request that may be repeated is sent to the emulator.
const attempts = 3

// Relay hands on to an emulator what comes to its address, and records it. It reads each answer whole before it
// passes it on: the emulator's server closes its connections, and now and then an answer is cut off, which Terraform
// would take for a failure ("unexpected EOF").
type Relay struct {
	// Address is the relay's URL on loopback.
	Address string

	upstream   *url.URL
	recorder   *wire.Recorder
	recordings string
	client     *http.Client
	server     *http.Server
	ended      chan error
}

// StartRelay starts a relay to the emulator at the endpoint. Requests are recorded in the folder, each phase after
// Begin.
func StartRelay(endpoint, recordings string) (*Relay, error) {
	upstream, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	relay := &Relay{
		Address:    "http://" + listener.Addr().String(),
		upstream:   upstream,
		recorder:   wire.NewRecorder(recordings),
		recordings: recordings,
		ended:      make(chan error, 1),
		// Proxies of this process must not see what is meant for the emulator.
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	relay.server = &http.Server{Handler: relay, ReadHeaderTimeout: time.Minute}
	go func() { relay.ended <- relay.server.Serve(listener) }()
	return relay, nil
}

// Begin records what follows as that phase of the stack.
func (r *Relay) Begin(stack, phase string) error { return r.recorder.Begin(stack, phase) }

// Stop ends the relay and the recording.
func (r *Relay) Stop() error {
	err := r.server.Close()
	if end := <-r.ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return errors.Join(err, r.recorder.Close())
}

// ServeHTTP relays one request.
func (r *Relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodConnect {
		// TLS to somewhere else: a service without an endpoint. It is recorded, and not judged to be AWS's.
		r.recorder.Add(wire.Record{Method: request.Method, Path: request.Host, Host: request.Host, Status: http.StatusForbidden})
		http.Error(w, "make local connects to the emulator only", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, "the request was cut off: "+err.Error(), http.StatusBadRequest)
		return
	}
	response, answer, err := r.ask(request, body)
	if err != nil {
		http.Error(w, "the emulator does not answer: "+err.Error(), http.StatusBadGateway)
		return
	}
	r.recorder.Add(wire.Record{
		Method: request.Method, Path: request.URL.RequestURI(), Host: request.Host, Headers: lowered(request.Header),
		Body: body, Status: response.StatusCode, Answer: string(answer),
	})
	for name, values := range response.Header {
		if !hopByHop[name] {
			w.Header()[name] = values
		}
	}
	if request.Method != http.MethodHead {
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
	}
	w.WriteHeader(response.StatusCode)
	w.Write(answer) // the client may have gone
}

// ask sends a request to the emulator until its answer is whole. A request that may have changed something is repeated
// only where it did not arrive.
func (r *Relay) ask(request *http.Request, body []byte) (*http.Response, []byte, error) {
	var failure error
	for attempt := range attempts {
		if attempt > 0 {
			select {
			case <-request.Context().Done():
				return nil, nil, request.Context().Err()
			case <-time.After(time.Duration(attempt) * 200 * time.Millisecond):
			}
		}
		response, answer, err := r.send(request.Context(), request, body)
		if err == nil {
			return response, answer, nil
		}
		failure = err
		if !repeatable(request, body) && !unsent(err) {
			break
		}
	}
	return nil, nil, failure
}

// send makes one attempt. An answer that is shorter than its announced length is an error: net/http reports it.
func (r *Relay) send(ctx context.Context, request *http.Request, body []byte) (*http.Response, []byte, error) {
	target := *request.URL
	target.Scheme, target.Host = r.upstream.Scheme, r.upstream.Host
	out, err := http.NewRequestWithContext(ctx, request.Method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	out.Header = request.Header.Clone()
	for name := range hopByHop {
		out.Header.Del(name)
	}
	out.Host = request.Host // S3 Control tells the account by it
	response, err := r.client.Do(out)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response, answer, err
}

// hopByHop are the headers of one connection. The others belong to the message.
var hopByHop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true,
	"Upgrade": true, "Proxy-Authorization": true, "Proxy-Authenticate": true,
}

// unsent says whether a request failed before the emulator could read it.
func unsent(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "dial"
}

// repeatable says whether sending a request twice does the same as sending it once. A PUT may not: the second one that
// creates a bucket is refused.
func repeatable(request *http.Request, body []byte) bool {
	switch request.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete:
		return true
	case http.MethodPost:
	default:
		return false
	}
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	if strings.HasPrefix(request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(body)); err == nil {
			operation = form.Get("Action")
		}
	}
	for _, verb := range []string{"Describe", "List", "Get", "BatchGet"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

func lowered(headers http.Header) map[string]string {
	out := make(map[string]string, len(headers))
	for name, values := range headers {
		out[strings.ToLower(name)] = strings.Join(values, ",")
	}
	return out
}
