/// Iterators that the library runs: it reads, decodes and joins batches on its threads, ahead of who asks.
#pragma once

#include <mixnet/data_iter.hpp>

namespace mixnet {

/// An iterator's name and parameters, as texts. The classes of mixnet::iters have a function for each.
struct IterOptions {
  std::string name;
  std::map<std::string, std::string> given;
};

/// One of the library's iterators: `LibraryIter batches(iters::CSVIter().data_csv("a.csv").data_shape({3}))`. Batches stay when it goes on.
class LibraryIter : public DataIter {
 public:
  explicit LibraryIter(const IterOptions& options) {
    std::vector<const char*> keys, values;
    for (const auto& [key, value] : options.given) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
    check(mxn_data_iter_create(options.name.c_str(), keys.data(), values.data(), static_cast<int32_t>(keys.size()),
                               receive(handle_)));
    const std::string text = description();
    const size_t labels = text.find("\"label\""), report = text.find("\"report\"");
    data_ = described(text.substr(0, labels));
    label_ = described(text.substr(labels + 7, report - labels - 7));
  }
  std::vector<DataDesc> provide_data() const override { return data_; }
  std::vector<DataDesc> provide_label() const override { return label_; }
  /// The next batch; false at the end of the epoch. After an error reset() begins the next one.
  bool next(Batch& batch) override { return next(batch, {}); }
  /// The same within limits: a wait that ended early can be repeated.
  bool next(Batch& batch, const Wait& wait) {
    const mxn_wait_t limits = wait.get();
    int32_t more = 0;
    begun_ = true;
    check(mxn_data_iter_next(handle_.get(), &limits, &more));
    if (!more) return false;
    mxn_ndarray_t** arrays = nullptr;
    int64_t count = 0, num_ids = 0;
    const int64_t* ids = nullptr;
    check(mxn_data_iter_batch(handle_.get(), &arrays, &count, &batch.pad, &ids, &num_ids));
    batch.data.clear();
    batch.label.clear();
    for (int64_t i = 0; i < count; ++i) {
      (static_cast<size_t>(i) < data_.size() ? batch.data : batch.label).emplace_back(arrays[i]);
    }
    mxn_ndarray_list_free(arrays);
    ids_.assign(ids, ids + num_ids);
    return true;
  }
  /// Begins the next epoch; one of which nothing was read goes on.
  void reset() override {
    if (begun_) check(mxn_data_iter_reset(handle_.get()));
    begun_ = false;
  }
  /// Numbers of the batch's examples, where they have some.
  const std::vector<int64_t>& ids() const { return ids_; }
  /// JSON: data, label, and a report of how many examples were given, how many could not be read, and why.
  std::string description() const {
    detail::Text json;
    check(mxn_data_iter_describe(handle_.get(), receive(json)));
    return detail::text(json);
  }
  /// The names of the arrays, those of the symbol's arguments.
  void rename(const std::string& data, const std::string& label) {
    data_.at(0).name = data;
    if (!label_.empty()) label_[0].name = label;
  }

 private:
  /// The text between quotes behind a key.
  static std::string quoted(const std::string& text, size_t at) {
    const size_t begin = text.find('"', text.find(':', at)) + 1;
    return text.substr(begin, text.find('"', begin) - begin);
  }
  static DType dtype_named(const std::string& name) {
    for (int32_t code = 0; code < 64; ++code) {
      const auto dtype = static_cast<DType>(code);
      switch (dtype) {
        case DType::float32:
        case DType::float64:
        case DType::float16:
        case DType::uint8:
        case DType::int32:
        case DType::int8:
        case DType::int64:
        case DType::boolean:
        case DType::bfloat16:
          if (name == name_of(dtype)) return dtype;
      }
    }
    fail("[LibraryIter] dtype: expected one that the binding knows, got " + name, Code::type);
  }
  /// Descriptions in the library's JSON, which has name, shape and dtype in this order.
  static std::vector<DataDesc> described(const std::string& text) {
    std::vector<DataDesc> found;
    for (size_t at = text.find("\"name\""); at != std::string::npos; at = text.find("\"name\"", at)) {
      DataDesc desc;
      desc.name = quoted(text, at);
      const size_t begin = text.find('[', at), end = text.find(']', begin);
      for (size_t k = begin; k < end; k = text.find(',', k + 1)) {
        if (k + 1 < end) desc.shape.push_back(std::stoll(text.substr(k + 1)));
      }
      at = text.find("\"dtype\"", end);
      desc.dtype = dtype_named(quoted(text, at + 7));
      found.push_back(desc);
    }
    return found;
  }

  Handle<mxn_data_iter_t, mxn_data_iter_free> handle_;
  std::vector<DataDesc> data_, label_;
  std::vector<int64_t> ids_;
  bool begun_ = false;
};

namespace detail {

inline std::string option_text(const std::string& value) { return value; }
inline std::string option_text(bool value) { return value ? "True" : "False"; }
inline std::string option_text(int64_t value) { return std::to_string(value); }
inline std::string option_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}
template <class T>
std::string option_text(const std::vector<T>& values) {
  std::string text = "(";
  for (size_t i = 0; i < values.size(); ++i) text += (i ? ", " : "") + option_text(values[i]);
  return text + (values.size() == 1 ? ",)" : ")");
}

}  // namespace detail
}  // namespace mixnet
