package secret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Source says where a declared secret comes from: exactly one of Env, File and
// Command.
type Source struct {
	Name     string
	Env      string
	File     string
	Command  []string
	Optional bool
}

// errNotThere is a source that has nothing; an optional secret is absent then.
var errNotThere = errors.New("is not there")

// MaxBytes bounds a secret: its file, or what a command prints.
const MaxBytes = 64 << 10

// Store fetches declared secrets when they are first needed, once, and holds
// those that were collected. Every value is made known to the masker before
// anybody gets it.
type Store struct {
	Masker *Masker
	Env    func(string) (string, bool)
	// Run runs a secret's command and gives its standard output.
	Run func(ctx context.Context, argv []string) (string, error)
	// ReadFile reads the file of a secret, or its beginning where it is longer than a
	// secret may be; nil is the system's.
	ReadFile func(path string) ([]byte, error)
	// Provide, where it is not nil, gives all declared secrets, whatever source is
	// declared; "" is one that is not there.
	Provide func(context.Context, Source) (string, error)

	mu      sync.Mutex
	sources map[string]Source
	got     map[string]*fetched
}

type fetched struct {
	mu    sync.Mutex
	have  bool
	value string
}

// NewStore declares secrets. Env may be nil, which is the process's own.
func NewStore(m *Masker, sources []Source, env func(string) (string, bool), run func(context.Context, []string) (string, error)) *Store {
	if env == nil {
		env = os.LookupEnv
	}
	s := &Store{Masker: m, Env: env, Run: run, sources: map[string]Source{}, got: map[string]*fetched{}}
	for _, src := range sources {
		s.sources[src.Name] = src
	}
	return s
}

// Set holds a collected secret under its name.
func (s *Store) Set(name, value string) error {
	if err := s.Masker.Add(name, value); err != nil {
		return err
	}
	f := &fetched{value: value, have: true}
	s.mu.Lock()
	s.got[name] = f
	s.mu.Unlock()
	return nil
}

// Get is the value of a secret, fetched when it is first asked for. Others that
// ask meanwhile wait for the same fetch.
func (s *Store) Get(ctx context.Context, name string) (string, error) {
	s.mu.Lock()
	f := s.got[name]
	src, declared := s.sources[name]
	if f == nil && !declared {
		s.mu.Unlock()
		return "", fmt.Errorf("secret %s is lost: it was collected in an earlier part of the run; collect it again", name)
	}
	if f == nil {
		f = &fetched{}
		s.got[name] = f
	}
	s.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.have {
		return f.value, nil
	}
	v, err := s.fetch(ctx, src)
	f.value, f.have = v, err == nil // one that could not be fetched now may be later
	return v, err
}

// Learn makes a secret that is at hand, in a variable or a file, known to the
// masker: what shows it before it is needed is masked, and what is wrong with it is
// said at once. It is fetched when it is needed nevertheless, since a file may be
// written anew until then.
func (s *Store) Learn(ctx context.Context, name string) error {
	s.mu.Lock()
	src, declared := s.sources[name]
	s.mu.Unlock()
	if !declared || s.Provide != nil || src.Env == "" && src.File == "" {
		return nil
	}
	_, err := s.fetch(ctx, src)
	return err
}

// Present reports whether a declared secret has a value, without running a
// command: that of a command counts as there. A provider is asked.
func (s *Store) Present(name string) bool {
	s.mu.Lock()
	src, declared := s.sources[name]
	_, collected := s.got[name]
	s.mu.Unlock()
	switch {
	case !declared:
		return collected
	case s.Provide != nil:
		v, err := s.Get(context.Background(), name)
		return err == nil && v != ""
	case src.Env != "":
		v, ok := s.Env(src.Env)
		return ok && v != ""
	case src.File != "":
		st, err := os.Stat(src.File)
		return err == nil && st.Size() > 0
	}
	return true
}

func (s *Store) fetch(ctx context.Context, src Source) (string, error) {
	v, from, err := s.read(ctx, src)
	if err == nil && v == "" {
		err = errNotThere
	}
	if errors.Is(err, errNotThere) && src.Optional {
		return "", nil
	}
	if errors.Is(err, errNotThere) && s.Provide != nil {
		return "", fmt.Errorf("secret %s is missing: the provider of secrets does not have it", src.Name)
	}
	if err != nil {
		return "", fmt.Errorf("secret %s: %s %w%s", src.Name, from, err, s.remedy(src))
	}
	if err := s.Masker.Add(src.Name, v); err != nil {
		return "", fmt.Errorf("%w (from %s)", err, from)
	}
	return v, nil
}

func (s *Store) remedy(src Source) string {
	switch {
	case s.Provide != nil:
		return ""
	case src.Env != "":
		return "; set " + src.Env
	case src.File != "":
		return "; put the secret into that file"
	}
	return "; run it by hand to see why"
}

// read reads a secret's source, and says in words what that is. A line break at
// the end of a file or of a program's output belongs to the tool that wrote it.
func (s *Store) read(ctx context.Context, src Source) (value, from string, err error) {
	switch {
	case s.Provide != nil:
		v, err := s.Provide(ctx, src)
		if err != nil {
			err = fmt.Errorf("failed: %w", err)
		}
		return v, "the provider of secrets", err
	case src.Env != "":
		v, ok := s.Env(src.Env)
		if !ok {
			err = errNotThere
		}
		return v, "the environment variable " + src.Env, err
	case src.File != "":
		read := s.ReadFile
		if read == nil {
			read = os.ReadFile
		}
		b, err := read(src.File)
		if errors.Is(err, os.ErrNotExist) {
			err = errNotThere
		}
		if len(b) > MaxBytes {
			err = fmt.Errorf("is larger than %d bytes", MaxBytes)
		}
		return strings.TrimRight(string(b), "\r\n"), "the file " + src.File, err
	}
	out, err := s.Run(ctx, src.Command)
	if err != nil {
		err = fmt.Errorf("failed: %w", err)
	}
	return strings.TrimRight(out, "\r\n"), "the command " + src.Command[0], err
}
