package real

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"testing"
	"time"
)

var quietLog = log.New(io.Discard, "", 0)

// papers are the certificates that servers show, by a word each.
type papers struct {
	authorities string // the root that is trusted, as PEM
	certs       map[string]tls.Certificate
	leaves      map[string]*x509.Certificate
}

// signer is who signs.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

const day = 24 * time.Hour

// paper makes a certificate that began and ends so long from now.
func paper(t *testing.T, by *signer, serial int64, name string, from, to time.Duration, authority bool, names ...string) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: names, IsCA: authority, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if authority {
		c.KeyUsage |= x509.KeyUsageCertSign
	} else {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	parent, with := c, key
	if by != nil {
		parent, with = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert, key}
}

func issuePapers(t *testing.T) *papers {
	t.Helper()
	root := paper(t, nil, 1, "Root of the test", -400*day, 400*day, true)
	stranger := paper(t, nil, 2, "Root of a stranger", -400*day, 400*day, true)
	middle := paper(t, root, 3, "Issuer of the test", -300*day, 300*day, true)
	far := paper(t, stranger, 4, "Issuer of a stranger", -300*day, 300*day, true)
	p := &papers{authorities: pemOf(root.cert), certs: map[string]tls.Certificate{}, leaves: map[string]*x509.Certificate{}}
	add := func(word string, leaf *signer, with ...*signer) {
		c := tls.Certificate{PrivateKey: leaf.key, Certificate: [][]byte{leaf.cert.Raw}}
		for _, s := range with {
			c.Certificate = append(c.Certificate, s.cert.Raw)
		}
		p.certs[word], p.leaves[word] = c, leaf.cert
	}
	half := 12 * time.Hour
	leaf := func(serial int64, from, to time.Duration) *signer {
		return paper(t, middle, serial, "localhost", from, to+half, false, "localhost")
	}
	good := leaf(0xa001, -10*day, 80*day)
	add("good", good, middle)
	add("bare", good)
	add("expired", leaf(0xa002, -92*day, -2*day), middle)
	add("soon", leaf(0xa003, -88*day, 2*day), middle)
	add("due", leaf(0xa004, -75*day, 15*day), middle)
	add("short", leaf(0xa005, -2*day, 4*day), middle)
	add("renewed", leaf(0xa006, 0, 90*day), middle)
	add("tomorrow", leaf(0xa007, day, 90*day), middle)
	add("other", paper(t, middle, 0xa008, "shop.example.com", -day, 80*day, false, "shop.example.com"), middle)
	add("self", paper(t, nil, 0xa009, "localhost", -day, 80*day, false, "localhost"))
	add("placeholder", paper(t, nil, 0xa00a, "Kubernetes Ingress Controller Fake Certificate", -day, 360*day, false, "ingress.local"))
	add("stranger", paper(t, far, 0xa00b, "localhost", -day, 80*day, false, "localhost"), far)
	old := paper(t, root, 6, "Issuer that ran out", -300*day, -2*day, true)
	add("old-chain", paper(t, old, 0xa00c, "localhost", -10*day, 80*day, false, "localhost"), old)
	return p
}

func pemOf(certs ...*x509.Certificate) (out string) {
	for _, c := range certs {
		out += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out
}

// pem is the server's own certificate of a word.
func (p *papers) pem(word string) string {
	if c := p.leaves[word]; c != nil {
		return pemOf(c)
	}
	return ""
}

// shown is what certbot and cert-manager say of each certificate, in files.
func (p *papers) shown() map[string]string {
	out := map[string]string{
		".certbot": "No certificates found.\n", ".issued": `{"items":[]}`, "none.certbot": "No certificates found.\n", "none.issued": `{"items":[]}`,
		"orders.json": `{"items":[]}`, "letsencrypt.log": "",
		"deployment.json": `{"metadata":{"annotations":{"deployment.kubernetes.io/revision":"41"}},"spec":{"replicas":3},"status":{"availableReplicas":1,"conditions":[{"type":"Progressing","status":"True"}]}}`,
	}
	for word, c := range p.leaves {
		left := time.Until(c.NotAfter)
		state := fmt.Sprintf("VALID: %d days", int(left/day))
		if left < 0 {
			state = "INVALID: EXPIRED"
		}
		out[word+".certbot"] = fmt.Sprintf("Saving debug log to /var/log/letsencrypt/letsencrypt.log\n\n- - - -\nFound the following certs:\n  Certificate Name: localhost\n    Serial Number: %x\n    Key Type: ECDSA\n    Domains: localhost\n    Expiry Date: %s (%s)\n    Certificate Path: /etc/letsencrypt/live/localhost/fullchain.pem\n- - - -\n",
			c.SerialNumber, c.NotAfter.UTC().Format("2006-01-02 15:04:05+00:00"), state)
		out[word+".issued"] = fmt.Sprintf(`{"items":[{"metadata":{"name":"localhost-tls"},"spec":{"dnsNames":["localhost"],"secretName":"localhost-tls"},"status":{"notAfter":%q,"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"Certificate is up to date"}]}}]}`,
			c.NotAfter.UTC().Format(time.RFC3339))
	}
	return out
}
