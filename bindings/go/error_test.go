package mixnet_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"mixnet.dev/mixnet"
)

// A thousand goroutines fail at once, each in its own way: every one must get its own message, whatever threads they ran on.
func TestErrorsBelongToTheirCalls(t *testing.T) {
	const many = 1000
	a := array(t, []float32{1, 2, 3})
	var group sync.WaitGroup
	start, wrong := make(chan struct{}), make(chan string, many)
	for i := 0; i < many; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			<-start
			for k := 0; k < 5; k++ {
				_, err := a.Slice(1000+i, 2000+i)
				var own *mixnet.Error
				if !errors.As(err, &own) || !strings.Contains(own.Message, fmt.Sprintf("got %d and %d", 1000+i, 2000+i)) {
					wrong <- fmt.Sprint(err)
				}
			}
		}(i)
	}
	close(start)
	group.Wait()
	close(wrong)
	for message := range wrong {
		t.Fatalf("expected each goroutine's own numbers, got %q", message)
	}
}

func TestErrorsAreMatched(t *testing.T) {
	_, err := array(t, []float32{1}).Slice(5, 6)
	if !errors.Is(err, &mixnet.Error{Code: mixnet.CodeInvalid}) || errors.Is(err, &mixnet.Error{Code: mixnet.CodeShape}) {
		t.Fatalf("expected the code to match and no other, got %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Fatal("expected Must to panic")
		}
	}()
	mixnet.Must(array(t, []float32{1}).Slice(5, 6))
}

// Run again as a child with a library that is not there: the error names what was tried, and nothing crashes.
func TestMissingLibrary(t *testing.T) {
	if os.Getenv("MIXNET_TEST_CHILD") == "1" {
		_, err := mixnet.Zeros([]int{1}, mixnet.Float32, mixnet.CPU(0))
		fmt.Printf("error=%v\navailable=%v\nversion=%q\n", err, mixnet.Available(), mixnet.Version())
		return
	}
	command := exec.Command(os.Args[0], "-test.run=TestMissingLibrary")
	command.Env = append(os.Environ(), "MIXNET_TEST_CHILD=1", "MIXNET_LIBRARY=/nowhere/libmixnet.so")
	output, err := command.CombinedOutput()
	ok(t, err)
	text := string(output)
	if strings.Count(text, "tried /nowhere/libmixnet.so") != 2 || !strings.Contains(text, `version=""`) {
		t.Fatalf("expected what was tried, got %s", text)
	}
}
