package config

// formerAddresses lead from the former websites of BATbern to this one (CR3). Two generations are still linked to and
// bookmarked: a hand-written one of HTML pages, and the single-page application after it. The addresses are those that
// the former sites' own sources route and link to; the targets are pages of the present frontend. What was published
// under /archiv/ is served by the content distribution under the same path, so the migration copies that folder as it
// is. Operators: confirm the targets before the domain is switched over.
func formerAddresses() []Redirect {
	return []Redirect{
		// the single-page application: /event/56 became /archive/BATbern56
		{From: "/event", To: "/archive"},
		{From: "/event/*", To: "/archive/BATbern*"},
		{From: "/aktuell", To: "/"},
		{From: "/anmeldung", To: "/"},
		{From: "/themen", To: "/"},
		{From: "/verein", To: "/about"},
		{From: "/kontakt", To: "/about"},
		{From: "/assets/statuten_v1%200.pdf", To: "/archiv/statuten_v1%200.pdf", Content: true},
		// presentations and photographs of both generations: /archiv/45/BATbern45_SBB_Legacy_WSJF.pdf
		{From: "/archiv/*", To: "/archiv/*", Content: true},
		// the pages in HTML
		{From: "/treffen.html", To: "/"},
		{From: "/anmeldung.html", To: "/"},
		{From: "/themen.html", To: "/"},
		{From: "/archiv.html", To: "/archive"},
		{From: "/ok.html", To: "/about"},
		{From: "/kontakt.html", To: "/about"},
	}
}
