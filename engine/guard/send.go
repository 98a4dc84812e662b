package guard

// Sending is a guard for the messages that go to a host, with a port or without:
// that host is implied by the channel, and nothing else is permitted. The world's
// doors are the same.
func (g *Guard) Sending(host string) *Guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.senders[host]; s != nil {
		return s
	}
	s := New(g.Permissions.Sending(host), g.opts)
	s.sends = true
	if g.senders == nil {
		g.senders = map[string]*Guard{}
	}
	g.senders[host] = s
	return s
}
