package mixnet_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/nd"
	"mixnet.dev/mixnet/op"
)

func TestArraysRoundTrip(t *testing.T) {
	roundTrip(t, []float32{1, -2, 3.5, 4}, mixnet.Float32)
	roundTrip(t, []float64{1, -2, 3.5, 4}, mixnet.Float64)
	roundTrip(t, []int32{1, -2, 1 << 30, 4}, mixnet.Int32)
	roundTrip(t, []int64{1, -2, 1 << 60, 4}, mixnet.Int64)
	roundTrip(t, []int8{1, -2, 127, 4}, mixnet.Int8)
	roundTrip(t, []uint8{1, 2, 255, 4}, mixnet.Uint8)
	roundTrip(t, []bool{true, false, true, true}, mixnet.Bool)
}

func roundTrip[T mixnet.Element](t *testing.T, values []T, dtype mixnet.DType) {
	t.Helper()
	a, err := mixnet.FromSlice(values, 2, 2)
	ok(t, err)
	defer a.Close()
	if a.DType() != dtype || !reflect.DeepEqual(a.Shape(), []int{2, 2}) || a.Size() != 4 || a.Device().String() != "cpu(0)" {
		t.Fatalf("expected 2 x 2 %v on the CPU, got %v %v %v", dtype, a.Shape(), a.DType(), a.Device())
	}
	back, err := mixnet.Values[T](ctx, a)
	ok(t, err)
	if !reflect.DeepEqual(back, values) {
		t.Fatalf("expected %v, got %v", values, back)
	}
}

func TestNarrowFloatsAreConverted(t *testing.T) {
	for _, dtype := range []mixnet.DType{mixnet.Float16, mixnet.BFloat16} {
		narrow, err := array(t, []float32{1, -2.5, 0.125}).Cast(dtype)
		ok(t, err)
		if narrow.DType() != dtype || narrow.Bytes() != 6 {
			t.Fatalf("expected 6 bytes of %v, got %d of %v", dtype, narrow.Bytes(), narrow.DType())
		}
		holds(t, narrow, nil, 1, -2.5, 0.125)
	}
}

func TestArithmeticBroadcasts(t *testing.T) {
	a, row := array(t, []float32{1, 2, 3, 4}, 2, 2), array(t, []float32{10, 20}, 1, 2)
	for _, c := range []struct {
		name string
		make func(mixnet.Operand) (*mixnet.NDArray, error)
		with mixnet.Operand
		want []float64
	}{
		{"Add", a.Add, row, []float64{11, 22, 13, 24}}, {"Add", a.Add, mixnet.Scalar(1), []float64{2, 3, 4, 5}},
		{"Sub", a.Sub, row, []float64{-9, -18, -7, -16}}, {"Sub", a.Sub, mixnet.Scalar(1), []float64{0, 1, 2, 3}},
		{"Mul", a.Mul, row, []float64{10, 40, 30, 80}}, {"Mul", a.Mul, mixnet.Scalar(2), []float64{2, 4, 6, 8}},
		{"Div", a.Div, row, []float64{0.1, 0.1, 0.3, 0.2}}, {"Div", a.Div, mixnet.Scalar(2), []float64{0.5, 1, 1.5, 2}},
		{"Mod", a.Mod, mixnet.Scalar(3), []float64{1, 2, 0, 1}}, {"Pow", a.Pow, mixnet.Scalar(2), []float64{1, 4, 9, 16}},
		{"Maximum", a.Maximum, mixnet.Scalar(2.5), []float64{2.5, 2.5, 3, 4}}, {"Minimum", a.Minimum, mixnet.Scalar(2.5), []float64{1, 2, 2.5, 2.5}},
		{"Equal", a.Equal, mixnet.Scalar(2), []float64{0, 1, 0, 0}}, {"NotEqual", a.NotEqual, mixnet.Scalar(2), []float64{1, 0, 1, 1}},
		{"Greater", a.Greater, mixnet.Scalar(2), []float64{0, 0, 1, 1}}, {"GreaterEqual", a.GreaterEqual, mixnet.Scalar(2), []float64{0, 1, 1, 1}},
		{"Less", a.Less, mixnet.Scalar(2), []float64{1, 0, 0, 0}}, {"LessEqual", a.LessEqual, mixnet.Scalar(2), []float64{1, 1, 0, 0}},
		{"Less", a.Less, row, []float64{1, 1, 1, 1}}, {"Mod", a.Mod, row, []float64{1, 2, 3, 4}},
	} {
		got, err := c.make(c.with)
		if err != nil {
			t.Fatal(c.name, err)
		}
		holds(t, got, nil, c.want...)
	}
	for number, make := range []func(mixnet.Scalar) (*mixnet.NDArray, error){a.RSub, a.RDiv, a.RPow} {
		got, err := make(2)
		holds(t, got, err, [][]float64{{1, 0, -1, -2}, {2, 1, 2. / 3, 0.5}, {2, 4, 8, 16}}[number]...)
	}
	ok(t, a.AddAssign(row))
	ok(t, a.SubAssign(mixnet.Scalar(1)))
	ok(t, a.MulAssign(mixnet.Scalar(2)))
	ok(t, a.DivAssign(row))
	holds(t, a, nil, 2, 2.1, 2.4, 2.3)
	_, err := a.Add(nil)
	fails(t, err, mixnet.CodeInvalid, "operand: expected an array or a Scalar")
}

func TestViewsShareMemory(t *testing.T) {
	a := array(t, []float32{1, 2, 3, 4, 5, 6}, 3, 2)
	rows, err := a.Slice(1, 3)
	holds(t, rows, err, 3, 4, 5, 6)
	row, err := a.At(2)
	holds(t, row, err, 5, 6)
	flat, err := a.Reshape(2, -1)
	ok(t, err)
	copied, err := a.Copy()
	ok(t, err)
	ok(t, rows.Fill(7))
	holds(t, flat, nil, 1, 2, 7, 7, 7, 7)
	holds(t, copied, nil, 1, 2, 3, 4, 5, 6)
	ok(t, copied.CopyTo(a))
	holds(t, row, nil, 5, 6)
	_, err = a.Slice(2, 9)
	fails(t, err, mixnet.CodeInvalid, "expected")
	_, err = a.Reshape(4, -1)
	fails(t, err, mixnet.CodeShape, "[reshape]")
}

func TestCreation(t *testing.T) {
	zeros, err := mixnet.Zeros([]int{2}, mixnet.Float32, mixnet.CPU(0))
	holds(t, zeros, err, 0, 0)
	ones, err := mixnet.Ones([]int{2}, mixnet.Int64, mixnet.CPU(0))
	holds(t, ones, err, 1, 1)
	full, err := mixnet.Full([]int{2}, 2.5, mixnet.Float64, mixnet.CPU(0))
	holds(t, full, err, 2.5, 2.5)
	numbers, err := mixnet.Arange(3, mixnet.Int32, mixnet.CPU(0))
	holds(t, numbers, err, 0, 1, 2)
	_, err = mixnet.FromSlice([]float32{1, 2, 3}, 2, 2)
	fails(t, err, mixnet.CodeShape, "expected 4 for the shape [2 2], got 3")
	_, err = mixnet.Zeros([]int{2}, mixnet.Float32, mixnet.GPU(99))
	if err == nil {
		t.Fatal("expected an error for a GPU that is not there")
	}
}

func TestOperatorsOnArrays(t *testing.T) {
	a := array(t, []float32{3, 1, 2, 6, 5, 4}, 2, 3)
	sum, err := nd.Sum(a, op.Sum{Axis: []int{1}})
	holds(t, sum, err, 6, 15)
	both, err := nd.Concat([]*mixnet.NDArray{a, a}, op.Concat{Dim: op.Opt(0)})
	ok(t, err)
	if !reflect.DeepEqual(both.Shape(), []int{4, 3}) {
		t.Fatalf("expected 4 x 3, got %v", both.Shape())
	}
	var parts []*mixnet.NDArray
	_, err = nd.SliceChannel(a, op.SliceChannel{NumOutputs: 3}, mixnet.All(&parts))
	ok(t, err)
	if len(parts) != 3 {
		t.Fatalf("expected 3 parts, got %d", len(parts))
	}
	holds(t, parts[2], nil, 2, 4)
	cut, err := nd.Slice(a, op.Slice{Begin: []*int{nil, op.Opt(1)}, End: []*int{op.Opt(1), nil}})
	holds(t, cut, err, 1, 2)
	_, err = nd.FullyConnected(a, nil, nil, op.FullyConnected{NumHidden: 2})
	fails(t, err, mixnet.CodeInvalid, "FullyConnected")
	_, err = nd.Dot(a, a, op.Dot{})
	fails(t, err, mixnet.CodeShape, "[dot]")
}

func TestArraysAreSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.params")
	ok(t, mixnet.Save(path, map[string]*mixnet.NDArray{"arg:w": array(t, []float32{1, 2}), "aux:m": array(t, []float32{3}, 1, 1)}))
	loaded, err := mixnet.Load(path)
	ok(t, err)
	holds(t, loaded["arg:w"], nil, 1, 2)
	holds(t, loaded["aux:m"], nil, 3)
	ok(t, mixnet.SaveList(path, []*mixnet.NDArray{array(t, []float32{4})}))
	_, err = mixnet.Load(path)
	fails(t, err, mixnet.CodeIO, "use LoadList")
	list, names, err := mixnet.LoadList(path)
	ok(t, err)
	if len(list) != 1 || len(names) != 0 {
		t.Fatalf("expected one array without a name, got %d and %v", len(list), names)
	}
	_, err = mixnet.Load(path + "-none")
	fails(t, err, mixnet.CodeIO, "-none")
	_, err = mixnet.LoadBytes([]byte("nothing"))
	if err == nil {
		t.Fatal("expected an error for bytes that are no file")
	}
}

func TestClosedArraysAreRefused(t *testing.T) {
	a := array(t, []float32{1})
	ok(t, a.Close())
	ok(t, a.Close())
	_, err := a.Add(mixnet.Scalar(1))
	fails(t, err, mixnet.CodeInvalid, "after Close")
	fails(t, a.Wait(ctx), mixnet.CodeInvalid, "after Close")
	if a.Shape() != nil || a.String() != "<NDArray closed>" {
		t.Fatalf("expected a closed array without shape, got %v %v", a.Shape(), a)
	}
}

func TestArraysPrint(t *testing.T) {
	text := fmt.Sprint(array(t, []float32{1, 2.5, 3, 4}, 2, 2))
	if text != "[[1 2.5]\n [3 4]]\n<NDArray 2x2 float32 cpu(0)>" {
		t.Fatalf("got %q", text)
	}
	large, err := mixnet.Zeros([]int{100, 100}, mixnet.Float32, mixnet.CPU(0))
	ok(t, err)
	if strings.Contains(large.String(), "[") {
		t.Fatalf("expected no values, got %v", large)
	}
}

func TestArraysServeGoroutines(t *testing.T) {
	shared := array(t, []float32{1, 2, 3})
	var group sync.WaitGroup
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for k := 0; k < 20; k++ {
				sum, err := shared.Add(mixnet.Scalar(i))
				if err != nil {
					t.Error(err)
					return
				}
				values, err := mixnet.Values[float32](ctx, sum)
				if err != nil || values[2] != float32(3+i) {
					t.Errorf("expected %d, got %v, %v", 3+i, values, err)
				}
				sum.Close()
			}
		}(i)
	}
	group.Wait()
}
