/// A symbol with parameters: training, scoring, prediction, files.
#pragma once

#include <mixnet/callback.hpp>
#include <mixnet/data_iter.hpp>
#include <mixnet/executor.hpp>
#include <mixnet/initializer.hpp>
#include <mixnet/kvstore.hpp>

namespace mixnet {

/// How to train. What is pointed to must live as long as the training.
struct FitOptions {
  int64_t epochs = 1;
  int64_t begin_epoch = 0;         ///< number of the first one
  Optimizer* optimizer = nullptr;  ///< none: sgd with learning rate 0.01
  Initializer initializer = init::uniform(0.01);
  std::shared_ptr<Metric> metric = metric::accuracy();
  DataIter* evaluation = nullptr;                ///< scored after every epoch
  std::shared_ptr<Metric> validation = nullptr;  ///< none: metric
  std::vector<BatchCallback> batch_end;
  std::vector<EpochCallback> epoch_end;
  KVStore* store = nullptr;  ///< gradients go through it, and it runs the optimizer
  const Cancel* cancel =
      nullptr;  ///< ends the training between two batches by an Error; the parameters are those of the last step
};

class FeedForward {
 public:
  explicit FeedForward(Symbol symbol, Device device = cpu()) : symbol_(std::move(symbol)), device_(device) {}
  /// From PREFIX-symbol.json and PREFIX-NNNN.params.
  static FeedForward load(const std::string& prefix, int64_t epoch, Device device = cpu()) {
    FeedForward model(Symbol::load(prefix + "-symbol.json"), device);
    char number[16];
    std::snprintf(number, sizeof number, "%04lld", static_cast<long long>(epoch));
    for (auto& [name, array] : mixnet::load(prefix + "-" + number + ".params")) {
      const std::string kind = name.substr(0, 4);
      if (kind != "arg:" && kind != "aux:") fail("[FeedForward] params: expected arg:NAME or aux:NAME, got " + name);
      (kind == "arg:" ? model.args_ : model.states_)[name.substr(4)] =
          device == cpu() ? std::move(array) : array.as_device(device);
    }
    return model;
  }
  void save(const std::string& prefix, int64_t epoch) const { save_checkpoint(prefix, epoch, symbol_, args_, states_); }

  const Symbol& symbol() const { return symbol_; }
  /// Parameters and auxiliary states by name. Those put in before fit or init are kept.
  Arrays& args() { return args_; }
  Arrays& states() { return states_; }

  /// Makes parameters for inputs of these shapes, in the order of the symbol's arguments, and gives them first values.
  void init(const std::vector<DataDesc>& inputs, const Initializer& initializer) {
    const Needs needs(symbol_, inputs);
    for (const bool states : {false, true}) {
      for (const Need& need : states ? needs.states : needs.args) {
        Arrays& group = states ? states_ : args_;
        if (need.input || group.count(need.name)) continue;
        NDArray array = NDArray::zeros(need.shape, need.dtype, device_);
        initializer(need.name, array);
        group[need.name] = std::move(array);
      }
    }
  }

  /// Trains. Parameters that are not there yet are made by the initializer.
  void fit(DataIter& train, const FitOptions& options = {}) {
    const std::vector<DataDesc> inputs = described(train);
    init(inputs, options.initializer);
    Training training(*this, inputs, train.provide_data().size(), options);
    for (int64_t epoch = options.begin_epoch; epoch < options.begin_epoch + options.epochs; ++epoch) {
      const auto started = std::chrono::steady_clock::now();
      train.reset();
      train_epoch(training, train, epoch, options);
      for (const auto& [name, array] : args_) array.wait_to_read();
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - started;
      EpochEnd at{epoch, passed.count(), symbol_, args_, states_, options.metric->values(), {}};
      if (options.evaluation) {
        Metric& metric = options.validation ? *options.validation : *options.metric;
        score(*options.evaluation, metric);
        at.validation = metric.values();
      }
      for (const EpochCallback& callback : options.epoch_end) callback(at);
      if (at.stop) return;
    }
  }

  /// The metric over all batches; its first value.
  double score(DataIter& data, Metric& metric) {
    Executor executor = predicting(described(data));
    metric.reset();
    data.reset();
    for (Batch batch; data.next(batch);) {
      run(executor, data, batch);
      metric.update(batch.label, executor.outputs());
    }
    return metric.value();
  }

  /// All outputs for all examples of `data`, without what fills up the last batch.
  std::vector<NDArray> predict(DataIter& data) {
    Executor executor = predicting(described(data));
    std::vector<std::vector<NDArray>> parts(symbol_.size());
    data.reset();
    for (Batch batch; data.next(batch);) {
      run(executor, data, batch);
      std::vector<NDArray> outputs = executor.outputs();
      for (size_t i = 0; i < outputs.size(); ++i) {
        parts[i].push_back(outputs[i].slice(0, outputs[i].shape().at(0) - batch.pad).copy());
      }
    }
    std::vector<NDArray> joined;
    for (const std::vector<NDArray>& part : parts) {
      joined.push_back(op::Concat(std::vector<Operand>(part.begin(), part.end())).dim(0));
    }
    return joined;
  }
  /// The first output for rows of "data".
  NDArray predict(const NDArray& data, int64_t batch_size = 100) {
    NDArrayIter rows(data, NDArray(), std::min(batch_size, data.shape().at(0)));
    return std::move(predict(rows).at(0));
  }

 private:
  struct Need {
    std::string name;
    Shape shape;
    DType dtype;
    bool input;
  };
  /// What a symbol needs when its inputs have these shapes.
  struct Needs {
    Needs(const Symbol& symbol, const std::vector<DataDesc>& inputs) {
      std::map<std::string, Shape> shapes;
      std::map<std::string, DType> dtypes;
      const std::vector<std::string> names = symbol.arguments(), state_names = symbol.states();
      for (const DataDesc& desc : inputs) {
        if (std::find(names.begin(), names.end(), desc.name) == names.end()) continue;
        shapes[desc.name] = desc.shape;
        dtypes[desc.name] = desc.dtype;
      }
      const InferredShapes found = symbol.infer_shape(shapes);
      if (!found.complete) fail("[FeedForward] inputs: expected shapes from which all others follow", Code::shape);
      const InferredTypes types = symbol.infer_type(dtypes);
      fill(args, names, found.arguments, types.arguments, shapes);
      fill(states, state_names, found.states, types.states, shapes);
    }
    static void fill(std::vector<Need>& needs, const std::vector<std::string>& names, const std::vector<Shape>& shapes,
                     const std::vector<int64_t>& dtypes, const std::map<std::string, Shape>& inputs) {
      for (size_t i = 0; i < names.size(); ++i) {
        const bool known = i < dtypes.size() && dtypes[i] >= 0;
        const bool input = inputs.count(names[i]) || init::detail::ends_with(names[i], "label");
        needs.push_back({names[i], shapes[i], known ? static_cast<DType>(dtypes[i]) : DType::float32, input});
      }
    }
    std::vector<Need> args, states;
  };

  /// An executor for training and what its steps need, in lists.
  struct Training {
    Training(FeedForward& model, const std::vector<DataDesc>& inputs, size_t data, const FitOptions& options)
        : own("sgd", {{"learning_rate", 0.01}}),
          optimizer(options.optimizer ? *options.optimizer : own),
          store(options.store) {
      Arrays args = share(model.args_), made;
      for (const Need& need : Needs(model.symbol_, inputs).args) {
        if (need.input) {
          args[need.name] = NDArray::zeros(need.shape, need.dtype, model.device_);
        } else {
          made[need.name] = NDArray::zeros(need.shape, need.dtype, model.device_);
          names.push_back(need.name);
        }
      }
      BindOptions how;
      how.device = model.device_;
      executor = Executor::bind(model.symbol_, args, made, model.states_, how);
      for (size_t i = 0; i < inputs.size(); ++i) {
        const bool used = executor.args().count(inputs[i].name) > 0;
        (i < data ? data_names : label_names).push_back(used ? inputs[i].name : "");
      }
      for (const std::string& name : names) {
        weights.push_back(&executor.arg(name));
        grads.push_back(&executor.grad(name));
      }
      const int64_t batch = inputs.at(0).shape.at(0);
      optimizer.set_default_rescale(1.0 / static_cast<double>(batch));
      if (store) {
        for (size_t i = 0; i < names.size(); ++i) store->init(names[i], *weights[i]);
        store->set_optimizer(optimizer);
      }
    }
    void step(const Batch& batch) {
      load(executor, data_names, batch.data);
      load(executor, label_names, batch.label);
      executor.forward(true);
      executor.backward();
      if (!store) return optimizer.update(names, weights, grads);
      for (size_t i = 0; i < names.size(); ++i) {
        store->push(names[i], {grads[i]}, -static_cast<int32_t>(i));
        store->pull(names[i], {weights[i]}, -static_cast<int32_t>(i));
      }
    }
    Executor executor;
    Optimizer own;
    Optimizer& optimizer;
    KVStore* store;
    std::vector<std::string> names, data_names, label_names;
    std::vector<const NDArray*> weights, grads;
  };

  static std::vector<DataDesc> described(const DataIter& data) {
    std::vector<DataDesc> all = data.provide_data();
    for (DataDesc& desc : data.provide_label()) all.push_back(std::move(desc));
    return all;
  }
  static void load(Executor& executor, const std::vector<std::string>& names, const std::vector<NDArray>& arrays) {
    for (size_t i = 0; i < std::min(names.size(), arrays.size()); ++i) {
      if (!names[i].empty()) arrays[i].copy_to(executor.arg(names[i]));
    }
  }

  /// The next batch is asked for when the work of this one was queued, so that both proceed together.
  static void train_epoch(Training& training, DataIter& train, int64_t epoch, const FitOptions& options) {
    options.metric->reset();
    Batch batch, following;
    bool more = train.next(batch);
    if (!more) fail("[fit] train: expected at least one batch, got none");
    for (int64_t count = 0; more; ++count) {
      if (options.cancel && options.cancel->triggered()) fail("[fit] ended early by its cancel token", Code::user);
      training.step(batch);
      more = train.next(following);
      options.metric->update(batch.label, training.executor.outputs());
      const BatchEnd at{epoch, count, train.batch_size(), *options.metric};
      for (const BatchCallback& callback : options.batch_end) callback(at);
      std::swap(batch, following);
    }
  }

  Executor predicting(const std::vector<DataDesc>& inputs) {
    Arrays args = share(args_);
    for (const Need& need : Needs(symbol_, inputs).args) {
      if (need.input) args[need.name] = NDArray::zeros(need.shape, need.dtype, device_);
      else if (!args.count(need.name))
        fail("[FeedForward] " + need.name + ": expected a value; fit, init or load first");
    }
    BindOptions how;
    how.device = device_;
    return Executor::bind(symbol_, args, {}, states_, how);
  }
  static void run(Executor& executor, const DataIter& data, const Batch& batch) {
    const std::vector<DataDesc> descs = data.provide_data();
    for (size_t i = 0; i < descs.size(); ++i) batch.data.at(i).copy_to(executor.arg(descs[i].name));
    executor.forward(false);
  }

  Symbol symbol_;
  Device device_;
  Arrays args_, states_;
};

}  // namespace mixnet
