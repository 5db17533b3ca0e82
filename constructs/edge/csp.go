package edge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Source is where a page may load something from, in the words of Content-Security-Policy.
// https://www.w3.org/TR/CSP3/#framework-directive-source-list
type Source string

// The sources that are no addresses.
const (
	Self         Source = "'self'"
	None         Source = "'none'"
	UnsafeInline Source = "'unsafe-inline'"
	Data         Source = "data:"
	Blob         Source = "blob:"
)

// Host is one host by HTTPS.
func Host(name string) Source { return Source("https://" + name) }

// ContentSecurityPolicy says what a page may load and do. A directive without sources is left out, and then DefaultSrc
// holds for those that load something.
type ContentSecurityPolicy struct {
	DefaultSrc, ScriptSrc, StyleSrc, ImgSrc, FontSrc, ConnectSrc, MediaSrc, ObjectSrc, WorkerSrc, ManifestSrc []Source
	// FrameAncestors may show the page in a frame; BaseURI and FormAction bound the base element and where forms go.
	// DefaultSrc stands for none of these three.
	FrameAncestors, BaseURI, FormAction []Source
	// UpgradeInsecureRequests makes browsers fetch by HTTPS what the page names by HTTP.
	UpgradeInsecureRequests bool
}

type directive struct {
	name    string
	sources []Source
}

func (p ContentSecurityPolicy) directives() []directive {
	return []directive{
		{"default-src", p.DefaultSrc}, {"script-src", p.ScriptSrc}, {"style-src", p.StyleSrc}, {"img-src", p.ImgSrc},
		{"font-src", p.FontSrc}, {"connect-src", p.ConnectSrc}, {"media-src", p.MediaSrc}, {"object-src", p.ObjectSrc},
		{"worker-src", p.WorkerSrc}, {"manifest-src", p.ManifestSrc}, {"frame-ancestors", p.FrameAncestors},
		{"base-uri", p.BaseURI}, {"form-action", p.FormAction},
	}
}

// Value is the header's text. The error names every directive that would not protect: a policy without DefaultSrc,
// FrameAncestors, BaseURI or FormAction, inline scripts, a wildcard, a scheme without encryption, 'none' beside others.
func (p ContentSecurityPolicy) Value() (string, error) {
	var parts []string
	var faults []error
	for _, d := range p.directives() {
		if len(d.sources) == 0 {
			if slices.Contains([]string{"default-src", "frame-ancestors", "base-uri", "form-action"}, d.name) {
				faults = append(faults, fmt.Errorf("%s: found nothing; allowed: sources, or 'none'; no other directive stands for it", d.name))
			}
			continue
		}
		words := []string{d.name}
		for _, source := range d.sources {
			if fault := d.fault(source); fault != "" {
				faults = append(faults, fmt.Errorf("%s: found %q; %s", d.name, source, fault))
			}
			words = append(words, string(source))
		}
		parts = append(parts, strings.Join(words, " "))
	}
	if p.UpgradeInsecureRequests {
		parts = append(parts, "upgrade-insecure-requests")
	}
	if len(faults) > 0 {
		return "", fmt.Errorf("content security policy: %w", errors.Join(faults...))
	}
	return strings.Join(parts, "; "), nil
}

func (d directive) fault(source Source) string {
	switch {
	case source == None && len(d.sources) > 1:
		return "allowed: 'none' alone, since it forbids the others"
	case source == UnsafeInline && d.name != "style-src":
		return "allowed: 'unsafe-inline' in style-src; put the script into a file"
	case slices.Contains([]Source{Self, None, UnsafeInline}, source):
		return ""
	case source == Data || source == Blob:
		if d.name == "default-src" || d.name == "script-src" || d.name == "object-src" {
			return "allowed: addresses; whoever can write such a text could run it"
		}
		return ""
	case strings.ContainsAny(string(source), "*;, \t\r\n'\""):
		return "allowed: one exact host; write each of them"
	case !strings.HasPrefix(string(source), "https://") && !strings.HasPrefix(string(source), "wss://"):
		return "allowed: https:// or wss://"
	}
	return ""
}
