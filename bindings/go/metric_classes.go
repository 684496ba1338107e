package mixnet

import "mixnet.dev/mixnet/op"

// steps runs operators one after another and closes what lies between.
type steps struct {
	made []*NDArray
	err  error
}

func (s *steps) run(name string, params Parameters, inputs ...*NDArray) *NDArray {
	if s.err != nil {
		return nil
	}
	made, err := Invoke(name, inputs, nil, params)
	s.err = err
	if err == nil {
		s.made = append(s.made, made)
	}
	return made
}

func (s *steps) scalar(name string, value float64, input *NDArray) *NDArray {
	return s.run(name, scalarParams{Scalar: op.Opt(value)}, input)
}

func (s *steps) cast(input *NDArray, dtype DType) *NDArray {
	return s.run("Cast", op.Cast{Dtype: dtype.String()}, input)
}

// float is the array itself where it is float32, else a copy that is.
func (s *steps) float(input *NDArray) *NDArray {
	if input.DType() == Float32 {
		return input
	}
	return s.cast(input, Float32)
}

func (s *steps) reshape(input *NDArray, shape ...int) *NDArray {
	return s.run("Reshape", op.Reshape{Shape: shape}, input)
}

// finish gives the last array; the others are closed.
func (s *steps) finish() (*NDArray, error) {
	last := len(s.made)
	if s.err == nil {
		last--
	}
	for _, array := range s.made[:last] {
		array.Close()
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.made[last], nil
}

func sameCount(name string, labels, outputs int) error {
	if labels != outputs {
		return failf(CodeShape, "[%s] labels: expected %d, got %d", name, outputs, labels)
	}
	return nil
}

// Accuracy is the share of examples whose largest output along axis 1 is at the label. Outputs of the label's shape are compared as they are.
func Accuracy() Metric {
	return &mean{name: "accuracy", measure: func(label, output *NDArray) (*NDArray, int, error) {
		var s steps
		found := output
		if !sameShape(label.Shape(), output.Shape()) {
			found = s.run("argmax", op.Argmax{Axis: op.Opt(1)}, output)
		}
		if s.err != nil {
			return nil, 0, s.err
		}
		if err := sameCount("Accuracy", label.Size(), found.Size()); err != nil {
			s.err = err
			_, err = s.finish()
			return nil, 0, err
		}
		hits := s.run("broadcast_equal", nil, s.reshape(s.cast(s.cast(found, Int32), Float32), -1), s.reshape(s.cast(s.cast(label, Int32), Float32), -1))
		s.run("sum", op.Sum{}, hits)
		sum, err := s.finish()
		return sum, label.Size(), err
	}}
}

// TopK is the share of examples whose k largest outputs along axis 1 hold the label.
func TopK(k int) Metric {
	return &mean{name: "top_k_accuracy_" + decimal(k), measure: func(label, output *NDArray) (*NDArray, int, error) {
		var s steps
		best := s.run("topk", op.Topk{Axis: op.Opt(1), K: op.Opt(k), Dtype: "float32"}, output)
		hits := s.run("broadcast_equal", nil, best, s.reshape(s.float(label), -1, 1))
		s.run("sum", op.Sum{}, hits)
		sum, err := s.finish()
		return sum, label.Size(), err
	}}
}

// CrossEntropy is the mean of -log(p + 1e-12), p being the output at the label: the loss of SoftmaxOutput.
func CrossEntropy() Metric {
	return &mean{name: "cross-entropy", measure: func(label, output *NDArray) (*NDArray, int, error) {
		shape := output.Shape()
		if len(shape) == 0 {
			return nil, 0, failf(CodeShape, "[CrossEntropy] outputs: expected shape (examples, classes), got %v", shape)
		}
		if err := sameCount("CrossEntropy", label.Size(), shape[0]); err != nil {
			return nil, 0, err
		}
		var s steps
		chosen := s.run("pick", op.Pick{Axis: op.Opt(1)}, s.float(output), s.reshape(s.float(label), -1))
		logs := s.run("log", nil, s.scalar("_plus_scalar", 1e-12, chosen))
		s.scalar("_mul_scalar", -1, s.run("sum", op.Sum{}, logs))
		sum, err := s.finish()
		return sum, label.Size(), err
	}}
}

func sameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
