package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// Attachment is a text that manual steps show as it is: no template, and never
// run. File is the path that it was read from, as it is written, or "".
type Attachment struct {
	Name  string
	Title string
	File  string
	Text  string
	Span  source.Span
}

// maxAttachment bounds the file of an attachment: it is for people to read.
const maxAttachment = 256 << 10

// attachments reads the texts that manual steps show.
func (c *compiler) attachments() {
	for _, e := range entries(c.root.Get("attachments")) {
		a := &Attachment{Name: e.Key.Value, Title: str(e.Value, "title"), File: str(e.Value, "file"), Text: str(e.Value, "text"), Span: e.Key.Span}
		if n := e.Value.Get("file"); n != nil && n.Kind == syntax.Scalar {
			a.Text = c.attachedFile(n)
		}
		c.plan.Attachments = append(c.plan.Attachments, a)
	}
}

func (c *compiler) attachedFile(n *syntax.Node) string {
	f := c.beside(n)
	switch {
	case f == nil:
	case len(f.Data) > maxAttachment:
		c.error("bad-file", n.Span, fmt.Sprintf("`%s` is larger than %d KiB", n.Text.Value, maxAttachment>>10), "Attach what people have to read, and link the rest.")
	case !utf8.Valid(f.Data) || strings.ContainsRune(string(f.Data), 0):
		c.error("bad-file", n.Span, fmt.Sprintf("`%s` is not a text", n.Text.Value), "Attach a text in UTF-8, and link anything else.")
	default:
		return string(f.Data)
	}
	return ""
}

// beside opens the file that a node names; nil where it cannot be, which is
// reported.
func (c *compiler) beside(n *syntax.Node) *source.File {
	name := n.Text.Value
	if n.Reported {
		return nil
	}
	if c.opts.Beside == nil {
		c.error("no-file", n.Span, fmt.Sprintf("`%s` cannot be read: no files beside this one can be opened here", name), "Load the runbook from a file.")
		return nil
	}
	f, err := c.opts.Beside(c.file, name)
	if err != nil {
		why := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			why = "there is no such file"
		}
		c.error("no-file", n.Span, fmt.Sprintf("`%s` cannot be read: %s", name, why), "Write the path from the folder of this file.")
		return nil
	}
	c.keep(Beside{f, digest(f.Data)})
	return f
}

// keep notes another file that the runbook is made of.
func (c *compiler) keep(files ...Beside) {
	for _, f := range files {
		if !slices.ContainsFunc(c.plan.Beside, func(x Beside) bool { return x.File.Name == f.File.Name }) {
			c.plan.Beside = append(c.plan.Beside, f)
		}
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// attach resolves the attachments of a manual step.
func (c *compiler) attach(st *Step, n *syntax.Node) {
	for _, a := range items(n) {
		if a.Kind != syntax.Scalar || a.Reported {
			continue
		}
		i := slices.IndexFunc(c.plan.Attachments, func(x *Attachment) bool { return x.Name == a.Text.Value })
		if i < 0 {
			var have []string
			for _, x := range c.plan.Attachments {
				have = append(have, x.Name)
			}
			c.unknown(a.Span, "attachment", a.Text.Value, have)
			continue
		}
		st.Attach = append(st.Attach, c.plan.Attachments[i])
	}
}

func (c *compiler) unusedAttachments() {
	used := map[*Attachment]bool{}
	c.plan.Walk(func(s *Step) {
		for _, a := range s.Attach {
			used[a] = true
		}
	})
	for _, a := range c.plan.Attachments {
		if !used[a] {
			c.warn("unused", a.Span, fmt.Sprintf("no step shows the attachment `%s`", a.Name), "Show it with `attach`, or remove it.")
		}
	}
}

// picked compiles the list that a value is picked from.
func (c *compiler) picked(f *flow, col *Collect, n *syntax.Node) {
	if n == nil {
		return
	}
	if col.Secret {
		c.error("bad-declaration", n.Span, "a secret cannot be picked from a list: the list would show it", "Remove `options` or `secret`.")
		return
	}
	if col.Options = c.expr(n, f.scope(), lang.WantList); col.Options == nil || col.Options.Type == nil {
		return
	}
	if col.Options.Type.Nil {
		c.error("may-be-nil", n.Span, "the list may be nil", "Write `"+col.Options.Source+" ?? []`.")
	}
	one := types.Decl{Name: col.Name, Type: col.Type}
	if col.Type.Kind == types.List {
		one.Type = col.Type.Elem
	}
	if e := col.Options.Type.Elem; e != nil && one.Type != nil && e.Kind == types.Secret {
		c.error("secret-shown", n.Span, "the list holds secrets, and people are shown it", "List something else.")
	} else if e != nil && one.Type != nil {
		c.fits(n, e, &one)
	}
}
