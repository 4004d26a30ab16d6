package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type testConfig struct {
	Listen  string        `yaml:"listen"`
	Period  time.Duration `yaml:"period"`
	Windows []string      `yaml:"windows"`
	SLA     struct {
		Targets map[string]string `yaml:"targets"`
	} `yaml:"sla"`
}

func (c *testConfig) Validate() ([]string, error) {
	var errs []error
	for i, w := range c.Windows {
		if w == "7x" {
			errs = append(errs, &FieldError{"windows[" + string(rune('0'+i)) + "]", `"7x" is no duration`, "write 7d"})
		}
	}
	if c.Listen == "" {
		errs = append(errs, &FieldError{"listen", "is empty", "give host:port"})
	}
	if c.Period == 0 {
		return []string{"period is 0: readings are never published"}, errors.Join(errs...)
	}
	return nil, errors.Join(errs...)
}

func TestLoadErrorsNamePlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"unknown field", "listen: a:1\nwndows: [1m]\n", `c.yaml:2:1: field "wndows" is unknown: did you mean windows?`},
		{"unknown, nothing near", "listen: a:1\nsla:\n  colour: red\n", `c.yaml:3:3: field "colour" is unknown: remove it, or use one of listen, period, sla, targets, windows`},
		{"twice", "listen: a:1\nlisten: b:1\n", `c.yaml:2:1: mapping key "listen" already defined at [1:1]: give the key once`},
		{"wrong type", "listen: a:1\nwindows: {a: b}\n", "c.yaml:2:"},
		{"wrong kind", "listen: a:1\nwindows: 5m\n", "c.yaml:2:10: string was used where sequence is expected: give a value of that type"},
		{"no YAML", "listen: a:1\nsla: [\n", "c.yaml:2:6: "},
		{"validation", "listen: a:1\nwindows:\n  - 1m\n  - 7x\n", `c.yaml:4:5: windows[1]: "7x" is no duration: write 7d`},
		{"missing", "windows: []\n", "c.yaml: listen: is empty: give host:port"},
		{"two", "windows: [7x]\n", "c.yaml:1:11: windows[0]: \"7x\" is no duration: write 7d\nc.yaml: listen: is empty: give host:port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load("c.yaml", []byte(c.file), &testConfig{Period: 1})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error = %v\nwant    %s…", err, c.want)
			}
			var fe *FileError
			if !errors.As(err, &fe) {
				t.Errorf("%T is no *FileError", err)
			}
		})
	}
}

func TestLoadFileKeepsDefaultsAndWarns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deskpulse.yaml")
	if err := os.WriteFile(file, []byte("windows: [5m]\nperiod: 90s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &testConfig{Listen: "127.0.0.1:8080"}
	warnings, err := LoadFile(file, c)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("warnings %v, error %v", warnings, err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Period != 90*time.Second || len(c.Windows) != 1 {
		t.Errorf("read %+v", c)
	}
	empty := &testConfig{Listen: "a:1"}
	warnings, err = Load("e.yaml", nil, empty)
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "e.yaml: period") {
		t.Errorf("an empty file: warnings %q, error %v", warnings, err)
	}
	if _, err = LoadFile(file+".no", c); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"windows", "wndows", 1}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
