package capi

/*
#cgo CFLAGS: -I${SRCDIR}/../../../include -O2 -Wall
#cgo LDFLAGS: -ldl
#include "load.h"
*/
import "C"

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"
)

var unavailable error // why there is no library, or nil

func init() {
	quiet()
	unavailable = load(candidates())
}

// Available tells why the library could not be loaded; nil when it was.
func Available() error { return unavailable }

// quiet keeps OpenMP's idle threads from spinning: they would take the cores from the library's own threads. It must happen before
// OpenMP is loaded, and what the user has set stands.
func quiet() {
	if _, given := os.LookupEnv("OMP_WAIT_POLICY"); given {
		return
	}
	os.Setenv("OMP_WAIT_POLICY", "PASSIVE")
	if _, given := os.LookupEnv("GOMP_SPINCOUNT"); !given {
		os.Setenv("GOMP_SPINCOUNT", "5000")
	}
}

// candidates are the files to try in order: MIXNET_LIBRARY alone where it is set, else beside the program, beside this package, in the
// repository's build, and what the system's loader finds.
func candidates() []string {
	if path := os.Getenv("MIXNET_LIBRARY"); path != "" {
		return []string{path}
	}
	var found []string
	if program, err := os.Executable(); err == nil {
		found = append(found, filepath.Join(filepath.Dir(program), "libmixnet.so"))
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		binding := filepath.Dir(filepath.Dir(file))
		found = append(found, filepath.Join(binding, "libmixnet.so"))
		found = append(found, filepath.Join(binding, "..", "..", "build", "release", "libmixnet.so"))
	}
	return append(found, "libmixnet.so.0", "libmixnet.so")
}

func load(paths []string) error {
	var tried []string
	for _, path := range paths {
		name := C.CString(path)
		reason := C.mxn_go_load(name)
		C.free(unsafe.Pointer(name))
		if reason == nil {
			return nil
		}
		tried = append(tried, path+" ("+C.GoString(reason)+")")
		C.free(unsafe.Pointer(reason))
	}
	return &Error{ErrorIo, "[mixnet] library: expected libmixnet.so (set MIXNET_LIBRARY to its path), tried " + strings.Join(tried, ", ")}
}
