package mixnet

import (
	"runtime"
	"sort"
	"unsafe"

	"mixnet.dev/mixnet/capi"
)

// Save writes arrays by name to a .params file, which every language of the library and MXNet read.
func Save(path string, arrays map[string]*NDArray) error {
	names := make([]string, 0, len(arrays))
	for name := range arrays {
		names = append(names, name)
	}
	sort.Strings(names)
	list := make([]*NDArray, len(names))
	for i, name := range names {
		list[i] = arrays[name]
	}
	return save(path, list, names)
}

// SaveList writes arrays without names.
func SaveList(path string, arrays []*NDArray) error { return save(path, arrays, nil) }

func save(path string, arrays []*NDArray, names []string) error {
	for _, array := range arrays {
		if _, err := array.get("Save"); err != nil {
			return err
		}
	}
	list, err := handles("Save", arrays)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(arrays)
	return capi.NdarraySave(path, list, names, int64(len(list)))
}

// Load reads the arrays of a .params file by name.
func Load(path string) (map[string]*NDArray, error) {
	return named("[Load "+path+"]", wrapAll(capi.NdarrayLoad(path)))
}

// LoadList reads arrays in the order of a .params file, and their names where it has any.
func LoadList(path string) ([]*NDArray, []string, error) {
	found := wrapAll(capi.NdarrayLoad(path))
	return found.arrays, found.names, found.err
}

// LoadBytes is Load of a file's content.
func LoadBytes(content []byte) (map[string]*NDArray, error) {
	defer runtime.KeepAlive(content)
	var start unsafe.Pointer
	if len(content) > 0 {
		start = unsafe.Pointer(&content[0])
	}
	return named("[LoadBytes]", wrapAll(capi.NdarrayLoadMemory(start, int64(len(content)))))
}

type loaded struct {
	arrays []*NDArray
	names  []string
	err    error
}

func wrapAll(vector *capi.Ndarray, count int64, names capi.Strings, err error) loaded {
	if err != nil {
		return loaded{err: err}
	}
	found := loaded{names: capi.TextList(names)}
	for _, handle := range capi.NdarrayList(vector, count) {
		found.arrays = append(found.arrays, wrap(handle))
	}
	return found
}

func named(place string, found loaded) (map[string]*NDArray, error) {
	if found.err != nil {
		return nil, found.err
	}
	if len(found.names) != len(found.arrays) {
		return nil, failf(CodeIO, "%s names: expected one for each array, got %d for %d: use LoadList", place, len(found.names), len(found.arrays))
	}
	byName := make(map[string]*NDArray, len(found.names))
	for i, name := range found.names {
		byName[name] = found.arrays[i]
	}
	return byName, nil
}
