package mixnet_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples of docs/guide/go.md are one program, and print what the page says.
func TestGuide(t *testing.T) {
	page, err := os.ReadFile("../../docs/guide/go.md")
	ok(t, err)
	var code, want strings.Builder
	block := regexp.MustCompile("(?s)```go\n(.*?)```\n(\n```text\n(.*?)```\n)?")
	found := block.FindAllStringSubmatch(string(page), -1)
	for i, match := range found {
		if i == 0 {
			fmt.Fprintf(&code, "package main\n\n%s\nfunc main() {\n", match[1])
			continue
		}
		code.WriteString(match[1])
		want.WriteString(match[3])
	}
	if len(found) < 5 || want.Len() == 0 {
		t.Fatalf("expected examples with their output, got %d", len(found))
	}
	binding, err := filepath.Abs(".")
	ok(t, err)
	folder := t.TempDir()
	module := fmt.Sprintf("module guide\n\ngo 1.19\n\nrequire mixnet.dev/mixnet v0.0.0\n\nreplace mixnet.dev/mixnet => %s\n", binding)
	ok(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(module), 0o600))
	ok(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(code.String()+"}\n"), 0o600))
	command := exec.Command("go", "run", ".")
	command.Dir = folder
	var output, failure bytes.Buffer
	command.Stdout, command.Stderr = &output, &failure
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, failure.String())
	}
	if output.String() != want.String() {
		t.Fatalf("expected\n%s\ngot\n%s", want.String(), output.String())
	}
}
