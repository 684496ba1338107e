// Trains LeNet on Fashion-MNIST: the program that every binding has, with the same losses for the same seed.
//
// Random numbers are drawn as examples/python/train_lenet.py tells: the seed 42, then Xavier for the weights, then one shuffle of the
// rows at the start of every epoch. A last batch that is not full goes on with the first rows of the order.
//
//	go run . -epochs 3 -limit 0 -prefix lenet -data FOLDER
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/op"
	"mixnet.dev/mixnet/optim"
	"mixnet.dev/mixnet/sym"
)

const (
	seed  = 42
	batch = 100
)

// load gives batches of a part of the data: images (N, 1, 28, 28) in [0, 1] and labels, the first limit of them; 0 means all.
func load(folder, part string, limit int, options mixnet.ArraysOptions) (*mixnet.Arrays, error) {
	pixels, extents, err := mixnet.ReadIdx(filepath.Join(folder, part+"-images-idx3-ubyte.gz"))
	if err != nil {
		return nil, err
	}
	classes, _, err := mixnet.ReadIdx(filepath.Join(folder, part+"-labels-idx1-ubyte.gz"))
	if err != nil {
		return nil, err
	}
	if limit == 0 || limit > len(classes) {
		limit = len(classes)
	}
	values, labels := make([]float32, limit*extents[1]*extents[2]), make([]float32, limit)
	for i := range values {
		values[i] = float32(pixels[i]) / 255
	}
	for i := range labels {
		labels[i] = float32(classes[i])
	}
	images, err := mixnet.FromSlice(values, limit, 1, extents[1], extents[2])
	if err != nil {
		return nil, err
	}
	targets, err := mixnet.FromSlice(labels)
	if err != nil {
		return nil, err
	}
	return mixnet.NewArrays(map[string]*mixnet.NDArray{"data": images}, map[string]*mixnet.NDArray{"softmax_label": targets}, batch, options)
}

// lenet is two convolutions and two full layers (LeCun et al., 1998).
func lenet() *mixnet.Symbol {
	net, pair := mixnet.Must(mixnet.Variable("data")), []int{2, 2}
	for i, filters := range []int{20, 50} {
		name := func(stem string) mixnet.SymbolOption { return mixnet.Name(fmt.Sprint(stem, i+1)) }
		net = mixnet.Must(sym.Convolution(net, nil, nil, op.Convolution{Kernel: []int{5, 5}, NumFilter: filters}, name("conv")))
		net = mixnet.Must(sym.Activation(net, op.Activation{ActType: "tanh"}, name("tanh")))
		net = mixnet.Must(sym.Pooling(net, op.Pooling{PoolType: "max", Kernel: pair, Stride: pair}, name("pool")))
	}
	net = mixnet.Must(sym.Flatten(net, mixnet.Name("flatten")))
	net = mixnet.Must(sym.FullyConnected(net, nil, nil, op.FullyConnected{NumHidden: 500}, mixnet.Name("fc1")))
	net = mixnet.Must(sym.Activation(net, op.Activation{ActType: "tanh"}, mixnet.Name("tanh3")))
	net = mixnet.Must(sym.FullyConnected(net, nil, nil, op.FullyConnected{NumHidden: 10}, mixnet.Name("fc2")))
	return mixnet.Must(sym.SoftmaxOutput(net, nil, op.SoftmaxOutput{}, mixnet.Name("softmax")))
}

func report(at mixnet.EpochEnd) error {
	loss, accuracy := at.Train[0].Value, at.Train[1].Value
	fmt.Printf("epoch=%d loss=%.6f accuracy=%.6f seconds=%.2f\n", at.Epoch+1, loss, accuracy, at.Elapsed.Seconds())
	return nil
}

func run(ctx context.Context, epochs, limit int, prefix, data string) error {
	train, err := load(data, "train", limit, mixnet.ArraysOptions{Shuffle: true})
	if err != nil {
		return err
	}
	test, err := load(data, "t10k", 0, mixnet.ArraysOptions{})
	if err != nil {
		return err
	}
	if err := mixnet.Seed(seed); err != nil {
		return err
	}
	model := mixnet.NewModel(lenet(), mixnet.CPU(0))
	err = model.Fit(ctx, train, mixnet.FitOptions{
		Epochs:      epochs,
		Optimizer:   optim.SGD{LearningRate: op.Opt(0.05), Momentum: op.Opt(0.9), Wd: op.Opt(0.0001)},
		Initializer: mixnet.Xavier(mixnet.XavierOptions{}),
		Metric:      mixnet.Metrics{mixnet.CrossEntropy(), mixnet.Accuracy()},
		EpochEnd:    []func(mixnet.EpochEnd) error{report},
	})
	if err != nil {
		return err
	}
	score, err := model.Score(ctx, test, mixnet.Accuracy())
	if err != nil {
		return err
	}
	fmt.Printf("test accuracy=%.6f\n", score[0].Value)
	if prefix == "" {
		return nil
	}
	return model.Save(prefix, epochs)
}

func main() {
	epochs := flag.Int("epochs", 3, "number of epochs")
	limit := flag.Int("limit", 0, "train on the first so many images; 0 means all")
	prefix := flag.String("prefix", "", "where to save a checkpoint after the last epoch")
	data := flag.String("data", "/usr/share/datasets/fashion-mnist", "folder of the idx files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *epochs, *limit, *prefix, *data); err != nil {
		log.Fatal(err)
	}
}
