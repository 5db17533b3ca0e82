package emulator

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Relay hands on to moto what comes to the URL that it gives, until it is stopped. Moto's server closes the connection
// after each answer, and about one in 2000 is then lost to the AWS provider while it reads it, which it takes for a
// failure. The relay reads each answer itself, and keeps its connections open.
func Relay(endpoint string) (address string, stop func() error, err error) {
	to, err := url.Parse(endpoint)
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
		r.Out.Host = r.In.Host // S3 Control tells the account by it
	}}}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	stop = func() error {
		err := server.Close()
		if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}
	return "http://" + listener.Addr().String(), stop, nil
}
